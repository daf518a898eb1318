// Stochastic gradient descent, with Polyak momentum: m = beta m + g, change = -rate m.
#ifndef MILLRACE_ENGINE_OPTIMIZERS_SGD_H_
#define MILLRACE_ENGINE_OPTIMIZERS_SGD_H_

#include "engine/optimizers/optimizer.h"

namespace millrace::engine {

PartDescription DescribeSgd();

template <typename T>
class Sgd final : public Optimizer<T> {
 public:
  explicit Sgd(const PartSpec& part);
  // The slot stays while momentum is 0, so that momentum may be changed on the way.
  bool uses_slot1() const override { return true; }
  bool sparse() const override { return this->moments().beta1 == 0; }
  void Change(const kernels::UpdateRates<T>& rates, std::int64_t p, const T* theta, T* slot1,
              T* slot2, T* g) const override;
  void ChangeOuter(const kernels::UpdateRates<T>& rates,
                   const kernels::OuterMap<T>& map) const override;
  bool changes_traced() const override { return true; }
  void ChangeTraced(const kernels::UpdateRates<T>& rates,
                    const kernels::TracedMap<T>& map) const override;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_OPTIMIZERS_SGD_H_
