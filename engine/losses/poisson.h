// Poisson loss, for outputs that are logarithms of rates and targets that are counts:
//   L = (1/|K|) sum_{k in K} (e^{y_k} - t_k y_k)
// over the outputs K that are known; t >= 0. It is the negative log-likelihood without log t!,
// which no weight changes, so it may be below 0. dL/dy_k = (e^{y_k} - t_k) / |K|.
// Above y = 30 (a rate of 1e13) e^y goes on as its tangent e^30 (1 + y - 30): the loss stays finite
// and convex, and its gradient pulls back.
#ifndef MILLRACE_ENGINE_LOSSES_POISSON_H_
#define MILLRACE_ENGINE_LOSSES_POISSON_H_

#include "engine/losses/loss.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribePoisson();

template <typename T>
class Poisson final : public Loss<T> {
 public:
  bool classification() const override { return false; }
  ValueRange range() const override;
  double Mean(T y) const override;
  double Value(const T* y, const TargetRow<T>& target, std::int64_t m) const override;
  void Gradient(const T* y, const TargetRow<T>& target, double weight, std::int64_t m,
                T* dy) const override;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_LOSSES_POISSON_H_
