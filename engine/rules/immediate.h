// Immediate derivatives with optional trace decay.
//   E_t = decay E_{t-1} + c (D_t hhat_t^T),   G = diag(q) E,   c = 1, or 1 - decay if normalised.
// decay 0 is one-step truncated back-propagation, G = (D q) hhat^T, and carries nothing.
#ifndef MILLRACE_ENGINE_RULES_IMMEDIATE_H_
#define MILLRACE_ENGINE_RULES_IMMEDIATE_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "engine/rules/rule.h"
#include "engine/rules/unit_traces.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeImmediate();
// A decay needs parameters that reach their own unit alone.
absl::Status CheckImmediate(const PartSpec& cell, const Structure* structure, const PartSpec& rule);

template <typename T>
class ImmediateRule final : public Rule<T> {
 public:
  ImmediateRule(const PartSpec& part, const Cell<T>& cell);

  RuleTrait trait() const override { return RuleTrait::kBiased; }
  std::int64_t StateSize() const override { return traces_.has_value() ? traces_->size() : 0; }
  bool SparseInputGradient() const override { return !traces_.has_value(); }
  std::int64_t Reach() const override;
  void Advance(const T* theta, const CellStep<T>& step, std::uint64_t number, T* state) override;
  void Gradient(const Feedback<T>& feedback, const RuleView<T>& view, bool sparse, T* g) override;
  bool has_outer() const override { return !traces_.has_value() && cell_.has_outer(); }
  void GradientAsOuter(const LearningStep<T>& step, std::vector<OuterGradient<T>>* outer) override;
  bool has_traced() const override { return traces_.has_value(); }
  void AdvanceTraced(const LearningStep<T>& step, const TakingRows& rows, T* state,
                     std::vector<TracedGradient<T>>* traced) override {
    traces_->Sweep(step.view.step, scale_, {step.feedback.q, rows}, state, traced);
  }

 private:
  // ds_ from q, zero where the head does not see a component.
  void Spread(const Feedback<T>& feedback);

  const Cell<T>& cell_;
  T scale_;
  std::optional<UnitTraces<T>> traces_;  // of a decay
  std::vector<T> ds_, scratch_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_IMMEDIATE_H_
