#include "engine/heads/mlp.h"

#include <algorithm>

#include "engine/heads/contexts.h"
#include "engine/heads/features.h"
#include "engine/heads/linear.h"
#include "engine/random.h"
#include "kernels/math/sigmoid.h"
#include "kernels/math/sqrt.h"
#include "kernels/ops.h"

namespace millrace::engine {

PartDescription DescribeMlp() {
  PartDescription part{
      "head",
      "mlp",
      "y = V2 silu(V1 f + b1) + b2 of all features f, trained by the model's optimizer.",
      {OutputsSetting(),
       {.name = "hidden",
        .type = SettingType::kInteger,
        .unit = "units",
        .minimum = 1,
        .maximum = 65536,
        .default_value = std::int64_t{64},
        .sentence = "Units of the layer between."},
       {.name = "gain",
        .minimum = 0,
        .maximum = 100,
        .default_value = 0.0,
        .sentence = "V2 starts normal with standard deviation gain / sqrt(hidden); 0 starts at "
                    "zero."}}};
  for (SettingDescription& setting : FeatureSettings()) {
    part.settings.push_back(std::move(setting));
  }
  for (SettingDescription& setting : ContextSettings()) {
    part.settings.push_back(std::move(setting));
  }
  return part;
}

template <typename T>
MlpHead<T>::MlpHead(const PartSpec& part, const HeadShape& shape)
    : shape_(shape),
      m_(part.Integer("outputs")),
      hidden_(part.Integer("hidden")),
      gain_(part.Number("gain")),
      a_(static_cast<std::size_t>(hidden_)),
      s_(a_.size()),
      da_(a_.size()) {}

template <typename T>
void MlpHead<T>::AddBlocks(ParameterLayout* layout) const {
  const bool waits = shape_.outputs_wait;
  const auto add = [&](const char* name, std::int64_t rows, std::int64_t width, bool to_outputs) {
    layout->Add({.name = name,
                 .group = Group::kReadout,
                 .rows = rows,
                 .width = width,
                 .columns_wait = to_outputs && waits});
  };
  add("hidden", shape_.features(), hidden_, false);
  add("hidden_bias", 1, hidden_, false);
  add("readout", hidden_, m_, true);
  add("readout_bias", 1, m_, true);
}

template <typename T>
void MlpHead<T>::Initialize(std::uint64_t seed, T* theta) const {
  Random random(seed, 2);
  std::fill(theta, theta + parameters(), T{0});
  random.FillNormal(1.0 / kernels::Sqrt(static_cast<double>(shape_.features())), hidden_bias(),
                    theta);
  random.FillNormal(gain_ / kernels::Sqrt(static_cast<double>(hidden_)), hidden_ * m_,
                    theta + readout());
}

template <typename T>
void MlpHead<T>::Hidden(const T* theta, const T* f) const {
  kernels::MatVec(theta, f, shape_.features(), hidden_, a_.data());
  kernels::AddScaled(theta + hidden_bias(), T{1}, hidden_, a_.data());
  for (std::size_t i = 0; i < a_.size(); ++i) s_[i] = a_[i] * kernels::Sigmoid(a_[i]);
}

template <typename T>
void MlpHead<T>::Forward(const T* theta, const T* f, T* y) const {
  Hidden(theta, f);
  kernels::MatVec(theta + readout(), s_.data(), hidden_, m_, y);
  kernels::AddScaled(theta + readout_bias(), T{1}, m_, y);
}

template <typename T>
void MlpHead<T>::Backward(const T* theta, const T* f, const T* dy, T* df, T* g) const {
  Hidden(theta, f);  // the last Forward may have been another network's
  kernels::OuterProduct(s_.data(), dy, hidden_, m_, g + readout());
  std::copy_n(dy, m_, g + readout_bias());
  kernels::TransposedMatVec(theta + readout(), dy, hidden_, m_, da_.data());
  for (std::size_t i = 0; i < a_.size(); ++i) {
    const T sigmoid = kernels::Sigmoid(a_[i]);
    da_[i] *= sigmoid * (T{1} + a_[i] * (T{1} - sigmoid));
  }
  kernels::OuterProduct(f, da_.data(), shape_.features(), hidden_, g);
  std::copy_n(da_.data(), hidden_, g + hidden_bias());
  kernels::TransposedMatVec(theta, da_.data(), shape_.features(), hidden_, df);
}

template class MlpHead<float>;
template class MlpHead<double>;

}  // namespace millrace::engine
