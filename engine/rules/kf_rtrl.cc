#include "engine/rules/kf_rtrl.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "engine/cells/derivatives.h"
#include "engine/errors.h"
#include "kernels/math/sqrt.h"
#include "kernels/ops.h"

namespace millrace::engine {
namespace {

template <typename T>
T Norm(const T* x, std::int64_t count) {
  return kernels::Sqrt(kernels::SumSquares(x, count));
}

bool OneProduct(const Structure* structure) {
  if (structure == nullptr || structure->gates.size() != 1 || structure->blocks != 1) return false;
  const Gate& gate = structure->gates[0];
  return structure->carry.size() == 1 && structure->slope.size() == 1 && gate.recurrent &&
         gate.input && gate.bias && gate.modulator == kNone;
}

}  // namespace

PartDescription DescribeKfRtrl() {
  return {"rule",
          "kf_rtrl",
          "Kronecker-factored real-time recurrent learning (Mujika et al. 2018): a random estimate "
          "of the sensitivities as one Kronecker product.",
          {}};
}

absl::Status CheckKfRtrl(const PartSpec& cell, const Structure* structure) {
  if (OneProduct(structure)) return absl::OkStatus();
  const bool cheap = structure == nullptr || structure->diagonal();
  return Error(
      absl::StatusCode::kInvalidArgument, kBadSpec,
      absl::StrFormat("rule 'kf_rtrl' needs weights whose immediate derivatives are one Kronecker "
                      "product of fan-in and slope; those of cell '%s' are not; use %s",
                      cell.name,
                      cheap ? "rule 'rtrl', exact there at the cost of a trace"
                            : "rule 'uoro', or 'sparse_rtrl' with mask 'block'"));
}

template <typename T>
KfRtrlRule<T>::KfRtrlRule(const Cell<T>& cell, std::uint64_t seed)
    : structure_(*cell.structure()),
      rows_(structure_.n + structure_.d + 1),
      noise_(seed, 2),
      jacobian_(static_cast<std::size_t>(structure_.n * structure_.n)),
      passed_(jacobian_.size()),
      signal_(static_cast<std::size_t>(structure_.n)) {}

// J B of B [n, n].
template <typename T>
void KfRtrlRule<T>::FillPassed(const T* theta, const CellStep<T>& step, const T* b) {
  const std::int64_t n = structure_.n;
  RecurrentJacobian(structure_, theta, step, 0, jacobian_.data());
  for (std::int64_t k = 0; k < n; ++k) {
    T* const row = passed_.data() + k * n;
    kernels::MatVec(b, jacobian_.data() + k * n, n, n, row);
    kernels::AddScaled(b + k * n, step.carry()[k], n, row);
  }
}

template <typename T>
void KfRtrlRule<T>::Advance(const T* theta, const CellStep<T>& step, std::uint64_t number,
                            T* state) {
  const std::int64_t n = structure_.n;
  T* const a = state;
  T* const b = state + rows_;
  const T* const f = step.fan_in();
  const T* const slope = step.slope();
  const T* const nu = noise_.Draw(number);
  FillPassed(theta, step, b);
  const T p0 = BalancingScale(Norm(passed_.data(), n * n), Norm(a, rows_));
  const T p1 = BalancingScale(Norm(slope, n), Norm(f, rows_));
  kernels::Scale(a, nu[0] * p0, rows_);
  kernels::AddScaled(f, nu[1] * p1, rows_, a);
  std::fill_n(b, n * n, T{0});
  kernels::AddScaled(passed_.data(), nu[0] / p0, n * n, b);
  for (std::int64_t k = 0; k < n; ++k) b[k * n + k] += nu[1] / p1 * slope[k];
}

template <typename T>
void KfRtrlRule<T>::Gradient(const Feedback<T>& feedback, const RuleView<T>& view, bool, T* g) {
  const std::int64_t n = structure_.n;
  kernels::MatVec(view.state + rows_, feedback.q, n, n, signal_.data());
  kernels::OuterProduct(view.state, signal_.data(), rows_, n, g);
}

template class KfRtrlRule<float>;
template class KfRtrlRule<double>;

}  // namespace millrace::engine
