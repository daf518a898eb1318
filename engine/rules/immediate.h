// Immediate derivatives with optional trace decay.
//   E_t = decay E_{t-1} + c (D_t hhat_t^T),   G = diag(q) E,   c = 1, or 1 - decay if normalised.
// decay 0 is one-step truncated back-propagation, G = (D q) hhat^T, and carries nothing.
#ifndef MILLRACE_ENGINE_RULES_IMMEDIATE_H_
#define MILLRACE_ENGINE_RULES_IMMEDIATE_H_

#include <vector>

#include "engine/rules/rule.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeImmediate();

template <typename T>
class ImmediateRule final : public Rule<T> {
 public:
  explicit ImmediateRule(const PartSpec& part);

  RuleTrait trait() const override { return RuleTrait::kBiased; }
  std::int64_t StateSize(std::int64_t n, std::int64_t k) const override {
    return decay_ > T{0} ? n * k : 0;
  }
  bool SparseInputGradient() const override { return decay_ == T{0}; }
  void Advance(const Cell<T>& cell, const T* theta, const CellStep<T>& step, T* state) override;
  void Gradient(const Feedback<T>& feedback, const CellStep<T>& step, const T* constants,
                const T* state, bool sparse, T* g) override;

 private:
  T decay_, scale_;
  std::vector<T> carry_, slope_;  // scratch [n]
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_IMMEDIATE_H_
