// Mean squared error: L = (1/|K|) sum_{k in K} (y_k - t_k)^2 over the outputs K that are known.
#ifndef MILLRACE_ENGINE_LOSSES_MEAN_SQUARED_ERROR_H_
#define MILLRACE_ENGINE_LOSSES_MEAN_SQUARED_ERROR_H_

#include "engine/losses/loss.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeMeanSquaredError();

template <typename T>
class MeanSquaredError final : public Loss<T> {
 public:
  bool classification() const override { return false; }
  double Value(const T* y, const TargetRow<T>& target, std::int64_t m) const override;
  void Gradient(const T* y, const TargetRow<T>& target, double weight, std::int64_t m,
                T* dy) const override;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_LOSSES_MEAN_SQUARED_ERROR_H_
