#include "engine/heads/linear.h"

#include <algorithm>

#include "engine/heads/contexts.h"
#include "engine/heads/features.h"
#include "engine/random.h"
#include "kernels/math/sqrt.h"
#include "kernels/ops.h"

namespace millrace::engine {

SettingDescription OutputsSetting() {
  return {.name = "outputs",
          .type = SettingType::kInteger,
          .minimum = 0,
          .maximum = 65536,
          .default_value = std::int64_t{0},
          .sentence = "Outputs, m; 0 takes what the input and target imply (256 for bytes)."};
}

PartDescription DescribeLinear() {
  PartDescription part{
      "head",
      "linear",
      "y = V h + c and direct features, trained by the model's optimizer.",
      {OutputsSetting(),
       {.name = "gain",
        .minimum = 0,
        .maximum = 100,
        .default_value = 0.0,
        .sentence = "V starts normal with standard deviation gain / sqrt(n); 0 starts at zero."},
       {.name = "bias",
        .type = SettingType::kFlag,
        .default_value = true,
        .sentence = "Whether there is a term c."}}};
  for (SettingDescription& setting : FeatureSettings()) {
    part.settings.push_back(std::move(setting));
  }
  for (SettingDescription& setting : ContextSettings()) {
    part.settings.push_back(std::move(setting));
  }
  return part;
}

template <typename T>
LinearHead<T>::LinearHead(const PartSpec& part, const HeadShape& shape)
    : shape_(shape),
      m_(part.Integer("outputs")),
      bias_(part.Flag("bias")),
      gain_(part.Number("gain")) {}

template <typename T>
void LinearHead<T>::AddBlocks(ParameterLayout* layout) const {
  const bool waits = shape_.outputs_wait;
  layout->Add({.name = "readout",
               .group = Group::kReadout,
               .rows = shape_.cell_outputs,
               .width = m_,
               .columns_wait = waits});
  if (bias_) {
    layout->Add({.name = "readout_bias",
                 .group = Group::kReadout,
                 .rows = 1,
                 .width = m_,
                 .columns_wait = waits});
  }
  if (shape_.direct > 0) {
    layout->Add({.name = "direct",
                 .group = Group::kDirect,
                 .rows = shape_.direct,
                 .width = m_,
                 .rows_wait = true,
                 .columns_wait = waits});
  }
}

template <typename T>
std::int64_t LinearHead<T>::parameters() const {
  return direct() + shape_.direct * m_;
}

template <typename T>
void LinearHead<T>::Initialize(std::uint64_t seed, T* theta) const {
  Random random(seed, 2);
  random.FillNormal(gain_ / kernels::Sqrt(static_cast<double>(shape_.cell_outputs)), bias(), theta);
  std::fill(theta + bias(), theta + parameters(), T{0});
}

template <typename T>
void LinearHead<T>::Forward(const T* theta, const T* f, T* y) const {
  kernels::MatVec(theta, f, shape_.cell_outputs, m_, y);
  if (bias_) kernels::AddScaled(theta + bias(), T{1}, m_, y);
  if (shape_.direct > 0) {
    kernels::AddMatVec(theta + direct(), f + shape_.cell_outputs, shape_.direct, m_, y);
  }
}

template <typename T>
void LinearHead<T>::Backward(const T* theta, const T* f, const T* dy, T* df, T* g) const {
  kernels::TransposedMatVec(theta, dy, shape_.cell_outputs, m_, df);
  kernels::OuterProduct(f, dy, shape_.cell_outputs, m_, g);
  if (bias_) std::copy_n(dy, m_, g + bias());
  if (shape_.direct > 0) {
    kernels::OuterProduct(f + shape_.cell_outputs, dy, shape_.direct, m_, g + direct());
  }
}

template <typename T>
void LinearHead<T>::BackwardAsOuter(const T* theta, const T* f, const T* dy, T* df,
                                    HeadOuter<T> outer) const {
  static constexpr T kOne = T{1};
  kernels::TransposedMatVec(theta, dy, shape_.cell_outputs, m_, df);
  outer.list->push_back({outer.offset, shape_.cell_outputs, m_, f, dy});
  if (bias_) outer.list->push_back({outer.offset + bias(), 1, m_, &kOne, dy});
  if (shape_.direct == 0) return;
  outer.list->push_back({outer.offset + direct(), shape_.direct, m_, f + shape_.cell_outputs, dy});
}

template class LinearHead<float>;
template class LinearHead<double>;

}  // namespace millrace::engine
