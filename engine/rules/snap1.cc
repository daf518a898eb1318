#include "engine/rules/snap1.h"

#include "kernels/ops.h"

namespace millrace::engine {

PartDescription DescribeSnap1() {
  return {"rule",
          "snap1",
          "SnAp-1 (Menick et al. 2021): one trace a weight with its unit's own Jacobian entry.",
          {}};
}

template <typename T>
void Snap1Rule<T>::Advance(const Cell<T>& cell, const T* theta, const CellStep<T>& step, T* state) {
  const std::int64_t n = step.n;
  carry_.resize(step.slope.size());
  for (std::int64_t i = 0; i < n; ++i) {
    const auto at = static_cast<std::size_t>(i);
    carry_[at] = cell.carry()[i] + step.slope[at] * theta[i * n + i];
  }
  kernels::AdvanceTrace(carry_.data(), step.slope.data(), step.hhat.data(), step.rows(), n, state);
}

template <typename T>
void Snap1Rule<T>::Gradient(const Feedback<T>& feedback, const CellStep<T>& step, const T*,
                            const T* state, bool, T* g) {
  kernels::ContractTrace(feedback.q, state, step.rows(), step.n, g);
}

template class Snap1Rule<float>;
template class Snap1Rule<double>;

}  // namespace millrace::engine
