// The reference's learner: one network that takes closed steps in and learns from them.
//
// A step: state and y with the present weights; dz = dL/dy times the target's weight and the weight
// of its class; q = dL/d(cell outputs) by the head; the rule advances; the gradient of all groups;
// clip; optimizer; contexts and closed-form heads last. Without a target, with weight 0, on a step
// that is only scored, or frozen, the rule advances and no weight moves.
//
// Weights of inputs that were not there and of outputs not known wait, and so does, with a byte
// input under a rule and an optimizer whose other rows have gradient 0 and no momentum, every input
// row but the byte's own. What waits, and groups of rate 0, count for no norm.
// Classes are counted at every target that the learner passes, also at those only scored.
// Thread-compatible; copies are independent.
#ifndef MILLRACE_TESTS_REFERENCE_ONLINE_LEARNER_H_
#define MILLRACE_TESTS_REFERENCE_ONLINE_LEARNER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/reference/descent.h"
#include "tests/reference/recurrent_network.h"
#include "tests/reference/specification.h"

namespace millrace::reference {

class OnlineLearner {
 public:
  OnlineLearner(const Specification& specification, const Vector& weights);
  OnlineLearner(const OnlineLearner& other);
  OnlineLearner& operator=(const OnlineLearner&) = delete;

  void Step(const Record& record, bool frozen);
  // The gradient that the step would be learned with, before the clip; changes nothing. [p].
  Vector GradientOf(const Record& record) const;

  // Rounds weights and state to float32: what a float32 model does to them at every step, so that
  // the distance to a learner that does not tells how far rounding may lead.
  void RoundToFloat32();
  // Moves weights and state by that much of themselves, up and down in turn: the same for float64.
  void Disturb(double relative);

  const RecurrentNetwork& network() const { return network_; }
  const Vector& weights() const { return weights_; }
  const Vector& state() const { return state_; }
  const Vector& head_state() const { return head_state_; }
  const Contexts& contexts() const { return contexts_; }
  const Descent& descent() const { return descent_; }
  Descent& descent() { return descent_; }
  // Takes another rule, or other settings of it; its sensitivities start at 0.
  void SetRule(const Part& rule);
  void SetClip(double clip_norm) { specification_.clip_norm = clip_norm; }

 private:
  struct Pass {
    LossResult loss;
    Vector features, dz, gradient;
    double weight = 0;  // of the target, class balance included
  };
  // Advances state and rule; with a gradient where the record has a target.
  Pass Advance(const Record& record);
  void Differentiate(const Record& record, Pass* pass) const;
  // Counts the class, and its weight in the loss: even share over its own, at most 4.
  double CountClass(const Vector& probabilities);
  bool OnlyTheByteMoves() const;
  std::vector<bool> Active(const Record& record, const LossResult& loss) const;

  Specification specification_;
  RecurrentNetwork network_;
  Vector weights_, state_, head_state_;
  std::unique_ptr<GradientRule> rule_;
  Descent descent_;
  Contexts contexts_;
  Vector class_counts_;  // [m] exponentially forgotten, the present target counted
  std::int64_t steps_ = 0;
};

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_ONLINE_LEARNER_H_
