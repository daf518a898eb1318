// Softmax cross-entropy in nats: L = log sum_k exp(y_k) - y_c for a class c, or
// L = sum_k t_k (log sum_j exp(y_j) - y_k) for a probability vector t. dL/dy = softmax(y) - t.
#ifndef MILLRACE_ENGINE_LOSSES_CROSS_ENTROPY_H_
#define MILLRACE_ENGINE_LOSSES_CROSS_ENTROPY_H_

#include "engine/losses/loss.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeCrossEntropy();

template <typename T>
class CrossEntropy final : public Loss<T> {
 public:
  bool classification() const override { return true; }
  double Value(const T* y, const TargetRow<T>& target, std::int64_t m) const override;
  void Gradient(const T* y, const TargetRow<T>& target, double weight, std::int64_t m,
                T* dy) const override;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_LOSSES_CROSS_ENTROPY_H_
