// The frozen rule: nothing is learned. The unadapted baseline of every comparison.
#ifndef MILLRACE_ENGINE_RULES_FROZEN_H_
#define MILLRACE_ENGINE_RULES_FROZEN_H_

#include "engine/rules/rule.h"
#include "engine/spec.h"

namespace millrace::engine {

inline PartDescription DescribeFrozen() {
  return {"rule", "frozen", "Never learns; predicts with its initial weights.", {}};
}

template <typename T>
class FrozenRule final : public Rule<T> {
 public:
  RuleTrait trait() const override { return RuleTrait::kNone; }
  bool learns() const override { return false; }
  std::int64_t Reach() const override { return kNoUnits; }
  void Gradient(const Feedback<T>&, const RuleView<T>&, bool, T*) override {}
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_FROZEN_H_
