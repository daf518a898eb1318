// Overshoot-bounded gradient descent, after Elsayed, Vasan and Mahmood 2024 ("Streaming deep
// reinforcement learning finally works"), for one step of a supervised loss:
//   change = -rate g / max(1, r kappa max(1, e) |g|_1 / e),   e = |dL/dy|_1 of the step,
// r the largest rate of the groups and |g|_1 over the parameters that take part, after the clip.
// There g is the error times an eligibility trace, so that |g|_1 / e stands for the trace's norm.
// The larger kappa, the further below overshooting a step stays; the paper uses 2 and 3. No slots.
#ifndef MILLRACE_ENGINE_OPTIMIZERS_OBGD_H_
#define MILLRACE_ENGINE_OPTIMIZERS_OBGD_H_

#include "engine/optimizers/optimizer.h"

namespace millrace::engine {

PartDescription DescribeObgd();

template <typename T>
class Obgd final : public Optimizer<T> {
 public:
  explicit Obgd(const PartSpec& part);
  bool bounds_step() const override { return true; }
  double StepFactor(const UpdateSize& size) const override;
  kernels::UpdateKind kind() const override { return kernels::UpdateKind::kSgd; }

 private:
  double kappa_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_OPTIMIZERS_OBGD_H_
