// The optimizers' loops over a range of parameters, as steps: g becomes the change to be added.
#ifndef MILLRACE_KERNELS_STEPS_CHANGES_H_
#define MILLRACE_KERNELS_STEPS_CHANGES_H_

#include <cstdint>

#include "kernels/math/platform.h"
#include "kernels/math/updates.h"
#include "kernels/ops.h"

namespace millrace::kernels::steps {

template <typename T>
struct SgdChange {
  UpdateRates<T> rates;
  std::int64_t p;
  T* g;  // [p]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    const SgdUpdate<T> update(rates);
    exec.For(p, [&](std::int64_t i) { g[i] = update(g[i]); });
  }
};

template <typename T>
struct MomentumChange {
  UpdateRates<T> rates;
  std::int64_t p;
  T* m;  // [p]
  T* g;  // [p]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    const MomentumUpdate<T> update(rates);
    exec.For(p, [&](std::int64_t i) { g[i] = update(g[i], m[i]); });
  }
};

template <typename T>
struct RmspropChange {
  UpdateRates<T> rates;
  std::int64_t p;
  T* v;  // [p]
  T* g;  // [p]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    const RmspropUpdate<T> update(rates);
    exec.For(p, [&](std::int64_t i) { g[i] = update(g[i], v[i]); });
  }
};

template <typename T>
struct AdamChange {
  UpdateRates<T> rates;
  std::int64_t p;
  const T* theta;  // [p]
  T* m;            // [p]
  T* v;            // [p]
  T* g;            // [p]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    const AdamUpdate<T> update(rates);
    exec.For(p, [&](std::int64_t i) { g[i] = update(g[i], theta[i], m[i], v[i]); });
  }
};

}  // namespace millrace::kernels::steps

#endif  // MILLRACE_KERNELS_STEPS_CHANGES_H_
