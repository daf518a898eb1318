// Heads: features to outputs, y = head(f), and the backward pass at the same step.
//
// Features f [k] are the cell's outputs [o], then the direct features [k - o] (features.h). A head
// is hyper-parameters only; parameters belong to the caller, in the blocks that AddBlocks names.
// What a closed-form head gathers beside its weights is `state`, owned by the learner.
// Thread-safe after construction, but for scratch: one head a stream.
#ifndef MILLRACE_ENGINE_HEADS_HEAD_H_
#define MILLRACE_ENGINE_HEADS_HEAD_H_

#include <cstdint>
#include <vector>

#include "engine/gradient.h"
#include "engine/losses/loss.h"
#include "engine/parameters.h"

namespace millrace::engine {

// What a head is made for.
struct HeadShape {
  std::int64_t cell_outputs = 0;  // o
  std::int64_t direct = 0;        // k - o
  bool outputs_wait = true;       // targets may leave an output unknown
  std::int64_t features() const { return cell_outputs + direct; }  // k
};

// Where a head appends its outer products.
template <typename T>
struct HeadOuter {
  std::int64_t offset;  // of the head's first parameter
  std::vector<OuterGradient<T>>* list;
};

template <typename T>
class Head {
 public:
  virtual ~Head() = default;
  virtual std::int64_t outputs() const = 0;  // m
  // Adds this head's blocks; offsets below are from the first of them.
  virtual void AddBlocks(ParameterLayout* layout) const = 0;
  virtual std::int64_t parameters() const = 0;
  virtual void Initialize(std::uint64_t seed, T* theta) const = 0;
  // y [m] from f [k].
  virtual void Forward(const T* theta, const T* f, T* y) const = 0;
  // From dy = dL/dy [m]: df = dL/df [k] and the gradient g of the head's own parameters.
  virtual void Backward(const T* theta, const T* f, const T* dy, T* df, T* g) const = 0;
  // Backward with the gradient as outer products, where a head has it so: appended by rising offset
  // from `offset`, the head's first parameter; they point to f, dy and what stays.
  virtual bool has_outer() const { return false; }
  virtual void BackwardAsOuter(const T* /*theta*/, const T* /*f*/, const T* /*dy*/, T* /*df*/,
                               HeadOuter<T> /*outer*/) const {}

  // Targets are classes, never probabilities.
  virtual bool classes_only() const { return false; }

  // Closed forms: numbers gathered beside the weights (0: not a closed form).
  virtual std::int64_t StateSize() const { return 0; }
  virtual void InitializeState(T*) const {}
  // Takes a target in and sets the weights; after the update of everything else. `weight` is the
  // target's, class balance included. False where a result was not finite: nothing changed.
  virtual bool Learn(const T* /*f*/, const TargetRow<T>& /*target*/, double /*weight*/,
                     T* /*theta*/, T* /*state*/) const {
    return true;
  }
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_HEADS_HEAD_H_
