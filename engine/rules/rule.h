// Rules: how the gradient of a step is formed from what the step left behind.
//
// A rule is made for one cell and declares the size of its state, Advance and Gradient. Its trait
// selects the tests it must pass: exact (equals full-history autograd with parameters held),
// unbiased, or biased (equals its own reference, and the exact rule in a limit case). Rule objects
// belong to one stream and keep scratch memory; the carried state belongs to the caller.
// Thread-compatible; nothing is allocated after construction.
#ifndef MILLRACE_ENGINE_RULES_RULE_H_
#define MILLRACE_ENGINE_RULES_RULE_H_

#include <cstdint>
#include <vector>

#include "engine/cells/cell.h"
#include "engine/gradient.h"

namespace millrace::engine {

enum class RuleTrait { kExact, kUnbiased, kBiased, kNone };

// Values of Rule::Reach().
inline constexpr std::int64_t kAllUnits = -1;
inline constexpr std::int64_t kNoUnits = 0;

// Where the gradient comes from at this step.
template <typename T>
struct Feedback {
  const T* q;   // dL/d(cell outputs) [o]
  const T* dy;  // dL/dy [m], for rules with a feedback of their own
  std::int64_t m;
};

// What Gradient has at hand beside the feedback.
template <typename T>
struct RuleView {
  const T* theta;  // [p of the cell], as in Advance
  const CellStep<T>& step;
  const T* constants;
  const T* state;
};

// A step that learns, as AdvanceAndGradient takes it.
template <typename T>
struct LearningStep {
  const Feedback<T>& feedback;
  const RuleView<T>& view;
  std::uint64_t number;  // the step's
  bool sparse;           // as Gradient has it
};

template <typename T>
class Rule {
 public:
  virtual ~Rule() = default;
  virtual RuleTrait trait() const = 0;
  // False for "frozen".
  virtual bool learns() const { return true; }
  // Numbers carried from step to step (zeroed by a reset), and fixed ones drawn at open from m.
  virtual std::int64_t StateSize() const { return 0; }
  // The first numbers of the state that are sensitivities, which a guard may scale down; the rest
  // is book-keeping.
  virtual std::int64_t SensitivitySize() const { return StateSize(); }
  // After such a guard: the sensitivities become numbers that the rule stores.
  virtual void StoreSensitivities(T* /*state*/) const {}
  virtual std::int64_t ConstantsSize(std::int64_t /*m*/) const { return 0; }
  virtual void InitializeConstants(std::uint64_t /*seed*/, std::int64_t /*m*/,
                                   T* /*constants*/) const {}
  // With a one-hot input only the active byte's row of the input gradient is non-zero.
  virtual bool SparseInputGradient() const { return false; }

  // How far a parameter reaches, as the rule has it: the outputs of the units of its own unit's
  // block of so many. Diagnostics read the sensitivities of that many units from one Gradient.
  // kNoUnits: the gradient is not linear in q alone (frozen, a feedback of its own).
  virtual std::int64_t Reach() const { return kAllUnits; }

  // Numbers that a stochastic rule draws at every step. Injected ones, [NoiseSize()], replace the
  // draw of the next Advance; only a replay of another implementation needs that.
  virtual std::int64_t NoiseSize() const { return 0; }
  virtual void InjectNoise(const T* /*values*/, std::int64_t /*count*/) {}

  // Takes the step into the sensitivities, under the weights theta [p] that it was made with.
  // `number` is the step's: what a rule draws is a function of it and of the stream's seed.
  virtual void Advance(const T* /*theta*/, const CellStep<T>& /*step*/, std::uint64_t /*number*/,
                       T* /*state*/) {}
  // g [p of the cell] = the rule's gradient. With `sparse` only the rows of the active byte are
  // written of the input weights.
  virtual void Gradient(const Feedback<T>& feedback, const RuleView<T>& view, bool sparse,
                        T* g) = 0;
  // Whether GradientAsOuter has the gradient, as outer products; where all of it is, g need not be
  // written. Lists them by rising offset; what they point to stays until the next call.
  virtual bool has_outer() const { return false; }
  virtual void GradientAsOuter(const LearningStep<T>& /*step*/,
                               std::vector<OuterGradient<T>>* /*outer*/) {}
  // The two in turn, with the same bits, but that the gradient is formed before sensitivities are
  // rounded to what is stored of them; `state` is the view's. A rule that can do both in one pass
  // over its state does.
  virtual void AdvanceAndGradient(const LearningStep<T>& step, T* state, T* g) {
    Advance(step.view.theta, step.view.step, step.number, state);
    Gradient(step.feedback, step.view, step.sparse, g);
  }
  // Whether AdvanceTraced stands in for it: takes the step in and lists where in the rule's traces
  // the gradient is, of which Gradient would write the same bits. By rising offset; what they point
  // to stays until the rule takes another step in.
  virtual bool has_traced() const { return false; }
  virtual void AdvanceTraced(const LearningStep<T>& /*step*/, const TakingRows& /*rows*/,
                             T* /*state*/, std::vector<TracedGradient<T>>* /*traced*/) {}
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_RULE_H_
