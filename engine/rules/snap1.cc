#include "engine/rules/snap1.h"

#include <algorithm>

namespace millrace::engine {

std::vector<Pair> OwnUnitCoupling(const Structure& structure) {
  std::vector<Pair> pairs = structure.carry;
  for (const Pair& slope : structure.slope) {
    if (!structure.gates[static_cast<std::size_t>(slope.from)].recurrent) continue;
    const bool listed = std::any_of(pairs.begin(), pairs.end(), [&](const Pair& pair) {
      return pair.to == slope.to && pair.from == structure.fed_back;
    });
    if (!listed) pairs.push_back({slope.to, structure.fed_back});
  }
  return pairs;
}

PartDescription DescribeSnap1() {
  return {"rule",
          "snap1",
          "SnAp-1 (Menick et al. 2021): one trace a weight with its unit's own Jacobian entry.",
          {}};
}

template <typename T>
OwnUnitTraces<T>::OwnUnitTraces(const Structure& structure)
    : structure_(structure), traces_(structure, OwnUnitCoupling(structure)) {}

template <typename T>
void OwnUnitTraces<T>::LoadCoupling(const T* theta, const CellStep<T>& step) {
  const std::int64_t n = structure_.n;
  const std::int64_t c = structure_.block_units();
  T* const coupling = traces_.coupling();
  const std::int64_t carried = step.shape.slope - step.shape.carry;
  std::copy_n(step.carry(), carried, coupling);
  std::fill_n(coupling + carried, static_cast<std::int64_t>(traces_.pairs().size()) * n - carried,
              T{0});
  for (std::size_t k = 0; k < structure_.slope.size(); ++k) {
    const Gate& gate = structure_.gates[static_cast<std::size_t>(structure_.slope[k].from)];
    if (!gate.recurrent) continue;
    const T* const slope = step.slope() + static_cast<std::int64_t>(k) * n;
    const T* const weights = theta + gate.offset;
    for (std::size_t pair = 0; pair < traces_.pairs().size(); ++pair) {
      const Pair& at = traces_.pairs()[pair];
      if (at.to != structure_.slope[k].to || at.from != structure_.fed_back) continue;
      T* const own = coupling + static_cast<std::int64_t>(pair) * n;
      for (std::int64_t i = 0; i < n; ++i) own[i] += slope[i] * weights[i % c * n + i];
    }
  }
}

template <typename T>
void OwnUnitTraces<T>::Advance(const T* theta, const CellStep<T>& step, T* state) {
  LoadCoupling(theta, step);
  traces_.Advance(step, T{1}, state);
}

template <typename T>
void OwnUnitTraces<T>::Sweep(const LearningStep<T>& step, const TakingRows& rows, T* state,
                             std::vector<TracedGradient<T>>* gradient) {
  LoadCoupling(step.view.theta, step.view.step);
  traces_.Sweep(step.view.step, T{1}, {step.feedback.q, rows}, state, gradient);
}

template class OwnUnitTraces<float>;
template class OwnUnitTraces<double>;

}  // namespace millrace::engine
