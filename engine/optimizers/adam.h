// Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019: decoupled weight decay).
#ifndef MILLRACE_ENGINE_OPTIMIZERS_ADAM_H_
#define MILLRACE_ENGINE_OPTIMIZERS_ADAM_H_

#include "engine/optimizers/optimizer.h"

namespace millrace::engine {

PartDescription DescribeAdam();
PartDescription DescribeAdamW();

// Both: `part` says whether there is weight decay.
template <typename T>
class Adam final : public Optimizer<T> {
 public:
  explicit Adam(const PartSpec& part);
  bool uses_slot1() const override { return true; }
  bool uses_slot2() const override { return true; }
  bool sparse() const override { return false; }
  void Change(const kernels::UpdateRates<T>& rates, std::int64_t p, const T* theta, T* slot1,
              T* slot2, T* g) const override;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_OPTIMIZERS_ADAM_H_
