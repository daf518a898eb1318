// Rules: how the gradient of a step is formed from what the step left behind.
//
// A rule declares the shapes of its state, Advance and Gradient. Trait selects the tests it must
// pass: exact (equals full-history autograd with parameters held), unbiased, or biased (equals its
// own reference, and the exact rule in a limit case). Rule objects belong to one stream and keep
// scratch memory; the carried state belongs to the caller. Thread-compatible.
#ifndef MILLRACE_ENGINE_RULES_RULE_H_
#define MILLRACE_ENGINE_RULES_RULE_H_

#include <cstdint>

#include "engine/cells/cell.h"

namespace millrace::engine {

enum class RuleTrait { kExact, kUnbiased, kBiased, kNone };

// Where the gradient comes from at this step.
template <typename T>
struct Feedback {
  const T* q;   // dL/dh [n]
  const T* dy;  // dL/dy [m], for rules with a feedback of their own
  std::int64_t m;
};

template <typename T>
class Rule {
 public:
  virtual ~Rule() = default;
  virtual RuleTrait trait() const = 0;
  // False for "frozen".
  virtual bool learns() const { return true; }
  // Elements carried from step to step (zeroed by a reset), and fixed ones drawn at open.
  virtual std::int64_t StateSize(std::int64_t, std::int64_t) const { return 0; }      // (n, k)
  virtual std::int64_t ConstantsSize(std::int64_t, std::int64_t) const { return 0; }  // (n, m)
  virtual void InitializeConstants(std::uint64_t, std::int64_t, std::int64_t, T*) const {}
  // With a one-hot input only the active byte's row of the input gradient is non-zero.
  virtual bool SparseInputGradient() const { return false; }

  // Takes the step into the sensitivities. theta [k, n], state as StateSize.
  virtual void Advance(const Cell<T>&, const T*, const CellStep<T>&, T*) {}
  // g [k, n] = the rule's gradient of the cell's parameters. With `sparse` only the rows of the
  // recurrent weights, the active byte and the bias are written.
  virtual void Gradient(const Feedback<T>& feedback, const CellStep<T>& step, const T* constants,
                        const T* state, bool sparse, T* g) = 0;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_RULE_H_
