// Binary cross-entropy in nats, for outputs that are logits of independent probabilities:
//   L = (1/|K|) sum_{k in K} (-t_k log p_k - (1 - t_k) log(1 - p_k)),   p = 1 / (1 + e^-y),
// over the outputs K that are known; t in [0, 1]. Computed as max(y, 0) - t y + log(1 + e^-|y|),
// which is finite for every finite y. dL/dy_k = (p_k - t_k) / |K|.
#ifndef MILLRACE_ENGINE_LOSSES_BINARY_CROSS_ENTROPY_H_
#define MILLRACE_ENGINE_LOSSES_BINARY_CROSS_ENTROPY_H_

#include "engine/losses/loss.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeBinaryCrossEntropy();

template <typename T>
class BinaryCrossEntropy final : public Loss<T> {
 public:
  bool classification() const override { return false; }
  ValueRange range() const override;
  double Mean(T y) const override;
  double Value(const T* y, const TargetRow<T>& target, std::int64_t m) const override;
  void Gradient(const T* y, const TargetRow<T>& target, double weight, std::int64_t m,
                T* dy) const override;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_LOSSES_BINARY_CROSS_ENTROPY_H_
