// Losses: value and gradient of one step's outputs against its target.
//
// Thread-safe: hyper-parameters only.
#ifndef MILLRACE_ENGINE_LOSSES_LOSS_H_
#define MILLRACE_ENGINE_LOSSES_LOSS_H_

#include <cstdint>
#include <limits>

namespace millrace::engine {

enum class TargetKind : std::uint8_t {
  kOpen = 0,           // may still come
  kAbsent = 1,         // will not come
  kValues = 2,         // [m], NaN where an output is not known
  kClass = 3,          // one class
  kProbabilities = 4,  // [m], sum 1
};

// The target of one step, as the learner and the scorer see it.
template <typename T>
struct TargetRow {
  TargetKind kind = TargetKind::kAbsent;
  const T* values = nullptr;  // [m] for values and probabilities
  std::int64_t label = -1;    // for a class
  double weight = 1;
  bool inferred = false;
};

inline bool IsHeld(TargetKind kind) { return kind >= TargetKind::kValues; }

// Target values that a loss takes, bounds included.
struct ValueRange {
  double lowest = -std::numeric_limits<double>::infinity();
  double highest = std::numeric_limits<double>::infinity();
  const char* expected = "finite values";  // in an error sentence
};

template <typename T>
class Loss {
 public:
  virtual ~Loss() = default;
  // Over classes: outputs are logits, probabilities are their softmax.
  virtual bool classification() const = 0;
  // Of a target given as values, where an output is known.
  virtual ValueRange range() const { return {}; }
  // What an output says on the scale of the target values: their mean, given y. A residual is
  // Mean(y) - target.
  virtual double Mean(T y) const { return static_cast<double>(y); }
  // L(y, target), without the target's weight. y [m]. The target is held and of a kind it takes.
  virtual double Value(const T* y, const TargetRow<T>& target, std::int64_t m) const = 0;
  // dy = weight * dL/dy, [m]; 0 where an output is not known.
  virtual void Gradient(const T* y, const TargetRow<T>& target, double weight, std::int64_t m,
                        T* dy) const = 0;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_LOSSES_LOSS_H_
