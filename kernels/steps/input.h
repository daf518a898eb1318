// The running normaliser of input channels, as a step. Shapes: kernels/ops.h.
#ifndef MILLRACE_KERNELS_STEPS_INPUT_H_
#define MILLRACE_KERNELS_STEPS_INPUT_H_

#include <cstdint>

#include "kernels/math/normalise.h"
#include "kernels/math/platform.h"
#include "kernels/math/real.h"
#include "kernels/ops.h"

namespace millrace::kernels::steps {

template <typename T>
struct NormaliseInput {
  InputChannels<T> channels;

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    const InputChannels<T> c = channels;
    const T change_clip = c.clip_changes ? c.clip : Real<T>::kInfinity;
    exec.For(c.n, [=](std::int64_t i) {
      T mean = c.mean[i];
      T variance = c.variance[i];
      c.normalised[i] = Normalised(c.x[i], mean, variance, c.floor, c.clip);
      TakeIntoRunning(c.x[i], c.rate, c.floor, change_clip, &mean, &variance);
      c.mean[i] = mean;
      c.variance[i] = variance;
    });
  }
};

}  // namespace millrace::kernels::steps

#endif  // MILLRACE_KERNELS_STEPS_INPUT_H_
