#include "engine/heads/closed_form.h"

#include <algorithm>
#include <utility>

#include "engine/heads/contexts.h"
#include "engine/heads/features.h"
#include "engine/heads/inverse_scatter.h"
#include "engine/heads/linear.h"
#include "kernels/ops.h"

namespace millrace::engine {

std::vector<SettingDescription> ClosedFormSettings() {
  std::vector<SettingDescription> settings = {OutputsSetting()};
  for (SettingDescription& setting : ScatterSettings()) settings.push_back(std::move(setting));
  for (SettingDescription& setting : FeatureSettings()) settings.push_back(std::move(setting));
  for (SettingDescription& setting : ContextSettings()) settings.push_back(std::move(setting));
  return settings;
}

template <typename T>
void ClosedFormHead<T>::AddBlocks(ParameterLayout* layout) const {
  layout->Add({.name = "readout",
               .group = Group::kReadout,
               .rows = features(),
               .width = m_,
               .learned = false});
  layout->Add(
      {.name = "readout_bias", .group = Group::kReadout, .rows = 1, .width = m_, .learned = false});
}

template <typename T>
void ClosedFormHead<T>::Initialize(std::uint64_t, T* theta) const {
  std::fill_n(theta, parameters(), T{0});
}

template <typename T>
void ClosedFormHead<T>::Forward(const T* theta, const T* f, T* y) const {
  kernels::MatVec(theta, f, features(), m_, y);
  kernels::AddScaled(theta + bias(), T{1}, m_, y);
}

template <typename T>
void ClosedFormHead<T>::Backward(const T* theta, const T*, const T* dy, T* df, T*) const {
  kernels::TransposedMatVec(theta, dy, features(), m_, df);
}

template <typename T>
bool ClosedFormHead<T>::Silent(const T* f) const {
  return std::all_of(f, f + features(), [](T value) { return value == T{0}; });
}

template <typename T>
void AddOuterProduct(const std::vector<T>& column, const std::vector<T>& row, T* matrix) {
  const auto m = static_cast<std::int64_t>(row.size());
  for (const T scale : column) {
    kernels::AddScaled(row.data(), scale, m, matrix);
    matrix += m;
  }
}

template class ClosedFormHead<float>;
template class ClosedFormHead<double>;
template void AddOuterProduct(const std::vector<float>&, const std::vector<float>&, float*);
template void AddOuterProduct(const std::vector<double>&, const std::vector<double>&, double*);

}  // namespace millrace::engine
