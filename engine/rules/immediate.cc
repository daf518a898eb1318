#include "engine/rules/immediate.h"

#include <algorithm>

#include "kernels/ops.h"

namespace millrace::engine {

PartDescription DescribeImmediate() {
  return {"rule",
          "immediate",
          "Immediate derivatives, with an optional decaying trace of them.",
          {{.name = "decay",
            .minimum = 0,
            .maximum = 0.9999,
            .default_value = 0.0,
            .sentence = "What the trace keeps from step to step; 0 carries nothing. Traces with a "
                        "decay near 1 and Adam are known to collapse.",
            .changeable = true},
           {.name = "normalised",
            .type = SettingType::kFlag,
            .default_value = false,
            .sentence = "Multiply the new term by 1 - decay."}}};
}

template <typename T>
ImmediateRule<T>::ImmediateRule(const PartSpec& part)
    : decay_(static_cast<T>(part.Number("decay"))),
      scale_(part.Flag("normalised") ? T{1} - decay_ : T{1}) {}

template <typename T>
void ImmediateRule<T>::Advance(const Cell<T>&, const T*, const CellStep<T>& step, T* state) {
  if (decay_ == T{0}) return;
  carry_.assign(step.slope.size(), decay_);
  slope_.assign(step.slope.begin(), step.slope.end());
  kernels::Scale(slope_.data(), scale_, step.n);
  kernels::AdvanceTrace(carry_.data(), slope_.data(), step.hhat.data(), step.rows(), step.n, state);
}

template <typename T>
void ImmediateRule<T>::Gradient(const Feedback<T>& feedback, const CellStep<T>& step, const T*,
                                const T* state, bool sparse, T* g) {
  const std::int64_t n = step.n;
  if (decay_ > T{0}) {
    kernels::ContractTrace(feedback.q, state, step.rows(), n, g);
    return;
  }
  slope_.assign(step.slope.begin(), step.slope.end());
  for (std::int64_t i = 0; i < n; ++i) slope_[static_cast<std::size_t>(i)] *= feedback.q[i];
  const T* const hhat = step.hhat.data();
  if (!sparse) {
    kernels::OuterProduct(hhat, slope_.data(), step.rows(), n, g);
    return;
  }
  kernels::OuterProduct(hhat, slope_.data(), n, n, g);
  if (step.input.byte != kNoByte) {
    std::copy_n(slope_.data(), n, g + (n + step.input.byte) * n);
  }
  std::copy_n(slope_.data(), n, g + (n + step.d) * n);
}

template class ImmediateRule<float>;
template class ImmediateRule<double>;

}  // namespace millrace::engine
