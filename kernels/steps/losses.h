// Losses of ops.h, as steps. Shapes: kernels/ops.h.
#ifndef MILLRACE_KERNELS_STEPS_LOSSES_H_
#define MILLRACE_KERNELS_STEPS_LOSSES_H_

#include <cstdint>

#include "kernels/math/exp.h"
#include "kernels/math/log.h"
#include "kernels/math/platform.h"

namespace millrace::kernels::steps {

template <typename T>
struct Softmax {
  const T* z;  // [m], may be probabilities
  std::int64_t m;
  T* probabilities;  // [m]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    const T largest = exec.template Largest<T>(m, [&](std::int64_t j) { return z[j]; });
    exec.For(m, [&](std::int64_t j) { probabilities[j] = Exp(z[j] - largest); });
    const T total = exec.template Sum<T>(m, [&](std::int64_t j) { return probabilities[j]; });
    exec.For(m, [&](std::int64_t j) { probabilities[j] /= total; });
  }
};

template <typename T>
struct LogSumExp {
  const T* z;  // [m]
  std::int64_t m;
  T* result;  // [1]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    const T largest = exec.template Largest<T>(m, [&](std::int64_t j) { return z[j]; });
    const T total = exec.template Sum<T>(m, [&](std::int64_t j) { return Exp(z[j] - largest); });
    exec.For(1, [&](std::int64_t) { *result = largest + Log(total); });
  }
};

}  // namespace millrace::kernels::steps

#endif  // MILLRACE_KERNELS_STEPS_LOSSES_H_
