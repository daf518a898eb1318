// e^x - 1, log(1 + x) and what is made of them, without cancellation and without libm.
//
// Branch-free. Measured bounds: kernels/README.md.
#ifndef MILLRACE_KERNELS_MATH_EXPM1_H_
#define MILLRACE_KERNELS_MATH_EXPM1_H_

#include "kernels/math/exp.h"
#include "kernels/math/log.h"
#include "kernels/math/platform.h"
#include "kernels/math/real.h"

namespace millrace::kernels {

// e^x - 1; expm1(-inf) = -1, expm1(inf) = inf, NaN stays NaN, expm1(+-0) = +0.
template <typename T>
MILLRACE_HD T Expm1(T x) {
  // Beyond these the smaller of e^x and 1 is less than half a unit in the last place of the other.
  constexpr T kFar = T(44);
  const internal::ReducedExp<T> reduced = internal::ReduceExp(Clamp(x, -kFar, kFar));
  const T power = PowerOfTwo(reduced.n);
  const T near = power * reduced.expm1 + (power - T(1));
  return x > kFar ? Exp(x) : near;
}

// log(1 + x) for 0 <= x <= 1.
template <typename T>
MILLRACE_HD T Log1pOfFraction(T x) {
  const T sum = T(1) + x;
  // What rounding took from the sum comes back to first order.
  return internal::LogOfPositive(sum) + (x - (sum - T(1))) / sum;
}

// log(1 + e^x): x for large x, e^x for very negative x.
template <typename T>
MILLRACE_HD T Softplus(T x) {
  return Max(T(0), x) + Log1pOfFraction(Exp(-Abs(x)));
}

// log(1 / (1 + e^-x)).
template <typename T>
MILLRACE_HD T LogSigmoid(T x) {
  return -Softplus(-x);
}

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_MATH_EXPM1_H_
