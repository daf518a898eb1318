// Linear algebra of ops.h, as steps: arguments in a struct, the loop in Run(), generic over the
// executor (kernels/README.md says what an executor is). Shapes and order of sums: kernels/ops.h.
#ifndef MILLRACE_KERNELS_STEPS_LINEAR_H_
#define MILLRACE_KERNELS_STEPS_LINEAR_H_

#include <cstdint>

#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"
#include "kernels/math/real.h"
#include "kernels/steps/lanes.h"

namespace millrace::kernels::steps {

template <typename T>
struct MatVec {
  const T* matrix_t;  // [k, n]
  const T* x;         // [k]
  std::int64_t k;
  std::int64_t n;
  T* out;  // [n]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    exec.SumRising(
        k, n, [&](std::int64_t) { return T(0); },
        [&](std::int64_t j, std::int64_t i, T sum) {
          return MulAdd(matrix_t[j * n + i], x[j], sum);
        },
        out);
  }
};

template <typename T>
struct AddMatVec {
  const T* matrix_t;  // [k, n]
  const T* x;         // [k]
  std::int64_t k;
  std::int64_t n;
  T* out;  // [n]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    exec.SumRising(
        k, n, [&](std::int64_t i) { return out[i]; },
        [&](std::int64_t j, std::int64_t i, T sum) {
          return MulAdd(matrix_t[j * n + i], x[j], sum);
        },
        out);
  }
};

template <typename T>
struct AddScaled {
  const T* x;  // [n]
  T scale;
  std::int64_t n;
  T* out;  // [n]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    exec.For(n, [&](std::int64_t i) { out[i] = MulAdd(scale, x[i], out[i]); });
  }
};

template <typename T>
struct TransposedMatVec {
  const T* matrix_t;  // [k, n]
  const T* y;         // [n]
  std::int64_t k;
  std::int64_t n;
  T* out;  // [k]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    exec.DotRows(k, n, matrix_t, y, out);
  }
};

template <typename T>
struct Dot {
  const T* x;  // [n]
  const T* y;  // [n]
  std::int64_t n;
  T* result;  // [1]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    exec.DotRows(1, n, x, y, result);
  }
};

template <typename T>
struct SumSquares {
  const T* x;  // [n]
  std::int64_t n;
  T* result;  // [1]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    exec.DotRows(1, n, x, x, result);
  }
};

template <typename T>
struct Scale {
  T* x;  // [n]
  T scale;
  std::int64_t n;

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    exec.For(n, [&](std::int64_t i) { x[i] *= scale; });
  }
};

template <typename T>
struct AllFinite {
  const T* x;  // [n]
  std::int64_t n;
  bool* result;  // [1]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    const bool any_not_finite = exec.Any(n, [&](std::int64_t i) { return !IsFinite(x[i]); });
    exec.For(1, [&](std::int64_t) { *result = !any_not_finite; });
  }
};

}  // namespace millrace::kernels::steps

#endif  // MILLRACE_KERNELS_STEPS_LINEAR_H_
