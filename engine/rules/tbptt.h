// Truncated back-propagation through time (Williams and Peng 1990), one loss at a time: the present
// loss goes back through the last T steps since the state was last zero,
//   c_t = q_t,   c_{j-1} = J_j^T c_j,   G = sum_j P_j^T c_j,   P = dstate/dtheta at a held state,
// with the slopes that each step had and the weights of now. Exact while T reaches back to the
// start and the weights stand still; T = 1 is the immediate rule. For any cell; O(T p) operations
// where there is a gradient, and memory for T steps, not for T times the weights.
//
// State: steps held, the place of the next, then T places of one step: its numbers, whether its
// input was a byte, that byte.
#ifndef MILLRACE_ENGINE_RULES_TBPTT_H_
#define MILLRACE_ENGINE_RULES_TBPTT_H_

#include <vector>

#include "absl/status/status.h"
#include "engine/rules/rule.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeTbptt();
absl::Status CheckTbptt(const PartSpec& cell, const StepShape& shape, const PartSpec& rule);

template <typename T>
class TbpttRule final : public Rule<T> {
 public:
  TbpttRule(const PartSpec& part, const Cell<T>& cell);

  RuleTrait trait() const override { return RuleTrait::kBiased; }
  std::int64_t StateSize() const override;
  std::int64_t SensitivitySize() const override { return 0; }
  void Advance(const T* theta, const CellStep<T>& step, std::uint64_t number, T* state) override;
  void Gradient(const Feedback<T>& feedback, const RuleView<T>& view, bool sparse, T* g) override;

 private:
  // Puts the step `back` steps before the present one into step_.
  void Load(const T* state, std::int64_t back);
  // g [p] += P^T ds_ of step_.
  void AddShare(const T* theta, T* g);

  const Cell<T>& cell_;
  std::int64_t window_;  // T
  CellStep<T> step_;
  std::vector<T> ds_, before_, share_, scratch_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_TBPTT_H_
