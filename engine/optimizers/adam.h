// Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019: decoupled weight decay):
//   m = beta1 m + (1 - beta1) g,   v = beta2 v + (1 - beta2) g^2,   m^ and v^ corrected by 1 -
//   beta^k, change = -rate m^ / (sqrt(v^) + epsilon),   k the number of updates of that parameter.
// Epsilon has three places: beside the corrected root (the paper's algorithm 1, PyTorch), under it
// (`epsilon_inside`), and beside the root before it is corrected (`epsilon_uncorrected`: the
// paper's "epsilon hat" of section 2, TensorFlow), (sqrt(v) + epsilon) / sqrt(1 - beta2^k).
// Either moment alone: `moments` = "first" leaves the root out, change = -rate m^; "second" takes g
// for m^, which is corrected RMSprop.
#ifndef MILLRACE_ENGINE_OPTIMIZERS_ADAM_H_
#define MILLRACE_ENGINE_OPTIMIZERS_ADAM_H_

#include "engine/optimizers/optimizer.h"

namespace millrace::engine {

PartDescription DescribeAdam();
PartDescription DescribeAdamW();

// Both: `part` says whether there is weight decay; adamw has both moments always.
template <typename T>
class Adam final : public Optimizer<T> {
 public:
  explicit Adam(const PartSpec& part);
  bool uses_slot1() const override { return first_; }
  bool uses_slot2() const override { return second_; }
  bool sparse() const override { return !first_; }
  kernels::UpdateKind kind() const override;
  // Of a first moment alone, those of the momentum that stands for it.
  kernels::UpdateRates<T> Rates(Group group, double power1, double power2) const override;

 private:
  bool first_, second_;  // moments
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_OPTIMIZERS_ADAM_H_
