// Random feedback local online learning (Murray 2019):
//   E = (1 - al) E + al D hhat^T,   G = diag(q_fb) E,   q_fb = B e with fixed random B, or q.
// Drops the path through W. For a cell of several components or gates the factor of E is the cell's
// own carry: what stays of a component without any recurrent weight.
#ifndef MILLRACE_ENGINE_RULES_RFLO_H_
#define MILLRACE_ENGINE_RULES_RFLO_H_

#include <vector>

#include "engine/rules/rule.h"
#include "engine/rules/unit_traces.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeRflo();

template <typename T>
class RfloRule final : public Rule<T> {
 public:
  // The cell's parameters reach their own unit alone.
  RfloRule(const PartSpec& part, const Cell<T>& cell);

  RuleTrait trait() const override { return RuleTrait::kBiased; }
  std::int64_t StateSize() const override { return traces_.size(); }
  std::int64_t Reach() const override { return random_feedback_ ? kNoUnits : 1; }
  // B [o, m]: normal with standard deviation 1 / sqrt(m).
  std::int64_t ConstantsSize(std::int64_t m) const override {
    return random_feedback_ ? outputs_ * m : 0;
  }
  void InitializeConstants(std::uint64_t seed, std::int64_t m, T* constants) const override;
  void Advance(const T* theta, const CellStep<T>& step, std::uint64_t number, T* state) override;
  void Gradient(const Feedback<T>& feedback, const RuleView<T>& view, bool sparse, T* g) override;
  bool has_traced() const override { return true; }
  void AdvanceTraced(const LearningStep<T>& step, const TakingRows& rows, T* state,
                     std::vector<TracedGradient<T>>* traced) override;

 private:
  void LoadCoupling(const CellStep<T>& step);
  // What the units are told: q, or the errors through B in room [o].
  const T* FeedbackOf(const Feedback<T>& feedback, const T* constants, T* room) const;

  bool random_feedback_;
  std::int64_t outputs_;
  UnitTraces<T> traces_;
  std::vector<T> q_, traced_q_;  // scratch [o]: of Gradient, and of AdvanceTraced until the next
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_RFLO_H_
