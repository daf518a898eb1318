// Cells and the sensitivities of unit-local rules, as steps. Shapes: kernels/ops.h.
#ifndef MILLRACE_KERNELS_STEPS_TRACES_H_
#define MILLRACE_KERNELS_STEPS_TRACES_H_

#include <cstdint>

#include "kernels/math/cells.h"
#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"

namespace millrace::kernels::steps {

template <typename T>
struct LeakyTanh {
  const T* preactivation;  // [n]
  const T* h_prev;         // [n], may be h
  T leak;
  std::int64_t n;
  T* h;      // [n]
  T* slope;  // [n]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    exec.For(n, [&](std::int64_t i) {
      const UnitStep<T> unit = LeakyTanhUnit(preactivation[i], h_prev[i], leak);
      h[i] = unit.h;
      slope[i] = unit.slope;
    });
  }
};

template <typename T>
struct OuterProduct {
  const T* x;  // [k]
  const T* s;  // [n]
  std::int64_t k;
  std::int64_t n;
  T* g;  // [k, n]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    exec.ForPairs(k, n, [&](std::int64_t j, std::int64_t i) { g[j * n + i] = s[i] * x[j]; });
  }
};

template <typename T>
struct AddOuterProduct {
  const T* x;  // [k]
  const T* s;  // [n]
  std::int64_t k;
  std::int64_t n;
  T* g;  // [k, n]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    exec.ForPairs(k, n, [&](std::int64_t j, std::int64_t i) {
      g[j * n + i] = MulAdd(s[i], x[j], g[j * n + i]);
    });
  }
};

}  // namespace millrace::kernels::steps

#endif  // MILLRACE_KERNELS_STEPS_TRACES_H_
