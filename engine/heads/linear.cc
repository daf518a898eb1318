#include "engine/heads/linear.h"

#include <algorithm>

#include "engine/random.h"
#include "kernels/math/sqrt.h"
#include "kernels/ops.h"

namespace millrace::engine {

PartDescription DescribeLinear() {
  return {
      "head",
      "linear",
      "y = V h + c, trained by the model's optimizer.",
      {{.name = "outputs",
        .type = SettingType::kInteger,
        .minimum = 0,
        .maximum = 65536,
        .default_value = std::int64_t{0},
        .sentence = "Outputs, m; 0 takes what the input and target imply (256 for bytes)."},
       {.name = "gain",
        .minimum = 0,
        .maximum = 100,
        .default_value = 0.0,
        .sentence = "V starts normal with standard deviation gain / sqrt(n); 0 starts at zero."},
       {.name = "bias",
        .type = SettingType::kFlag,
        .default_value = true,
        .sentence = "Whether there is a term c."}}};
}

template <typename T>
LinearHead<T>::LinearHead(const PartSpec& part, std::int64_t units)
    : n_(units),
      m_(part.Integer("outputs")),
      bias_(part.Flag("bias")),
      gain_(part.Number("gain")) {}

template <typename T>
void LinearHead<T>::Initialize(std::uint64_t seed, T* theta) const {
  Random random(seed, 2);
  random.FillNormal(gain_ / kernels::Sqrt(static_cast<double>(n_)), n_ * m_, theta);
  std::fill_n(theta + n_ * m_, bias_ ? m_ : 0, T{0});
}

template <typename T>
void LinearHead<T>::Forward(const T* theta, const T* h, T* y) const {
  kernels::MatVec(theta, h, n_, m_, y);
  if (bias_) kernels::AddScaled(theta + n_ * m_, T{1}, m_, y);
}

template <typename T>
void LinearHead<T>::Backward(const T* theta, const T* h, const T* dy, T* q, T* g) const {
  kernels::TransposedMatVec(theta, dy, n_, m_, q);
  kernels::OuterProduct(h, dy, n_, m_, g);
  if (bias_) std::copy_n(dy, m_, g + n_ * m_);
}

template class LinearHead<float>;
template class LinearHead<double>;

}  // namespace millrace::engine
