// RMSprop (Tieleman and Hinton 2012), bias-corrected:
//   v = beta2 v + (1 - beta2) g^2,   change = -rate g / (sqrt(v / (1 - beta2^k)) + epsilon),
// k the number of updates of that parameter. `uncorrected` leaves the division out, as PyTorch
// does; `epsilon_inside` takes sqrt(v + epsilon), as TensorFlow did.
#ifndef MILLRACE_ENGINE_OPTIMIZERS_RMSPROP_H_
#define MILLRACE_ENGINE_OPTIMIZERS_RMSPROP_H_

#include "engine/optimizers/optimizer.h"

namespace millrace::engine {

PartDescription DescribeRmsprop();

template <typename T>
class Rmsprop final : public Optimizer<T> {
 public:
  explicit Rmsprop(const PartSpec& part);
  bool uses_slot2() const override { return true; }
  kernels::UpdateKind kind() const override { return kernels::UpdateKind::kRmsprop; }
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_OPTIMIZERS_RMSPROP_H_
