// The running normaliser of input channels, as a step. Shapes: kernels/ops.h.
#ifndef MILLRACE_KERNELS_STEPS_INPUT_H_
#define MILLRACE_KERNELS_STEPS_INPUT_H_

#include <cstdint>

#include "kernels/math/platform.h"
#include "kernels/math/real.h"
#include "kernels/math/sqrt.h"
#include "kernels/ops.h"

namespace millrace::kernels::steps {

template <typename T>
struct NormaliseInput {
  InputChannels<T> channels;

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    const InputChannels<T> c = channels;
    exec.For(c.n, [=](std::int64_t i) {
      const T deviation = c.x[i] - c.mean[i];
      const T scale = Sqrt(c.variance[i] + c.floor);
      const T bound = c.clip_changes ? c.clip * scale : Real<T>::kInfinity;
      const T change = Clamp(deviation, -bound, bound);
      c.normalised[i] = Clamp(deviation / scale, -c.clip, c.clip);
      c.mean[i] += c.rate * change;
      c.variance[i] = (T(1) - c.rate) * (c.variance[i] + c.rate * change * change);
    });
  }
};

}  // namespace millrace::kernels::steps

#endif  // MILLRACE_KERNELS_STEPS_INPUT_H_
