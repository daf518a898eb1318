// The reference's learner: one network that takes closed steps in and learns from them.
//
// A step: h and y with the present weights; dz = dL/dy times the target's weight and the weight of
// its class; q = V^T dz; the rule advances; the gradient of all groups; clip; optimizer. Without a
// target, with weight 0, on a step that is only scored, or frozen, the rule advances and no weight
// moves. Weights of inputs that were not there and of outputs not known wait, and so does, with a
// byte input under a rule and an optimizer whose other columns have gradient 0 and no momentum,
// every column but the byte's own. What waits, and groups of rate 0, count for no norm.
// Classes are counted at every target that the learner passes, also at those only scored.
// Thread-compatible.
#ifndef MILLRACE_TESTS_REFERENCE_LEARNER_H_
#define MILLRACE_TESTS_REFERENCE_LEARNER_H_

#include "tests/reference/input.h"
#include "tests/reference/network.h"
#include "tests/reference/optimizer.h"
#include "tests/reference/record.h"
#include "tests/reference/rules.h"

namespace millrace::reference {

enum class LossKind { kSquaredError, kCrossEntropy };

struct Design {
  Shape shape;
  double leak = 1;
  InputSetup input;
  LossKind loss = LossKind::kSquaredError;
  bool balance_classes = false;
  double balance_half_life = 2000;  // targets
  RuleSetup rule;
  OptimizerSetup optimizer;
  double clip_norm = 1;  // 0: off
  bool clip_per_group = false;
  TargetMode target = TargetMode::kWithObservation;
  int catch_up_steps = 8;
  // Numbers of the input stage and targets pass through float32, as a float32 model holds them.
  bool float32 = false;
};

class Learner {
 public:
  Learner(const Design& design, const Vector& weights);

  void Step(const Record& record, bool frozen);
  // The gradient that the step would be learned with, before the clip; changes nothing. [Size()].
  Vector GradientOf(const Record& record) const;

  // Rounds weights and hidden state to float32: what a float32 model does to them at every step,
  // so that the distance to a learner that does not tells how far rounding may lead.
  void RoundToFloat32();

  const Vector& weights() const { return weights_; }
  const Vector& hidden() const { return hidden_; }
  const Optimizer& optimizer() const { return optimizer_; }
  Optimizer& optimizer() { return optimizer_; }
  Rule& rule() { return rule_; }

 private:
  struct Pass {
    CellResult cell;
    LossResult loss;
    Vector gradient;  // [Size()]
  };
  // Advances hidden state and rule; with a gradient where the record has a target.
  Pass Advance(const Record& record);
  // Counts the class, and its weight in the loss: even share over its own, at most 4.
  double CountClass(const Vector& probabilities);
  std::vector<bool> Active(const Record& record, const LossResult& loss) const;

  Design design_;
  Vector weights_, hidden_;
  Rule rule_;
  Optimizer optimizer_;
  Vector class_counts_;  // [m] exponentially forgotten, the present target counted
};

// dL/dy of one step without any weight on it.
LossResult LossOf(LossKind kind, const Vector& y, const Target& target);

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_LEARNER_H_
