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
  kernels::UpdateKind kind() const override {
    return this->moments().beta1 == 0 ? kernels::UpdateKind::kSgd : kernels::UpdateKind::kMomentum;
  }
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_OPTIMIZERS_SGD_H_
