// exp and expm1 without libm: reduction by ln 2 in two parts (Cody and Waite 1980), the Taylor
// polynomial of e^r on |r| <= ln(2)/2, the power of two assembled from its exponent bits.
//
// Branch-free, so that a loop over either vectorises. Measured bounds: kernels/README.md.
#ifndef MILLRACE_KERNELS_MATH_EXP_H_
#define MILLRACE_KERNELS_MATH_EXP_H_

#include "kernels/math/platform.h"
#include "kernels/math/real.h"

namespace millrace::kernels {

namespace internal {

// (e^r - 1 - r) / r^2 by its Taylor series 1/2! + r/3! + ..., |r| <= 0.3466. The first term left
// out is 5e-9 (float, after 1/7!) and 4e-18 (double, after 1/13!) of the result.
MILLRACE_HD float ExpTail(float r) {
  float sum = 1.0f / 5040;
  sum = sum * r + 1.0f / 720;
  sum = sum * r + 1.0f / 120;
  sum = sum * r + 1.0f / 24;
  sum = sum * r + 1.0f / 6;
  return sum * r + 0.5f;
}
MILLRACE_HD double ExpTail(double r) {
  double sum = 1.0 / 6227020800;
  sum = sum * r + 1.0 / 479001600;
  sum = sum * r + 1.0 / 39916800;
  sum = sum * r + 1.0 / 3628800;
  sum = sum * r + 1.0 / 362880;
  sum = sum * r + 1.0 / 40320;
  sum = sum * r + 1.0 / 5040;
  sum = sum * r + 1.0 / 720;
  sum = sum * r + 1.0 / 120;
  sum = sum * r + 1.0 / 24;
  sum = sum * r + 1.0 / 6;
  return sum * r + 0.5;
}

// Below kExpLow the result rounds to zero, above kExpHigh to infinity.
template <typename T>
struct ExpRange;
template <>
struct ExpRange<float> {
  static constexpr float kLow = -104.0f;
  static constexpr float kHigh = 89.0f;
};
template <>
struct ExpRange<double> {
  static constexpr double kLow = -746.0;
  static constexpr double kHigh = 710.0;
};

// x = n ln 2 + r, |r| <= ln(2)/2, and expm1(r).
template <typename T>
struct ReducedExp {
  T n;
  T expm1;
};

template <typename T>
MILLRACE_HD ReducedExp<T> ReduceExp(T x) {
  constexpr T kLog2E = T(1.4426950408889634074);
  const T n = RoundToInteger(x * kLog2E);
  const T r = (x - n * Real<T>::kLn2High) - n * Real<T>::kLn2Low;
  return {n, r + r * r * ExpTail(r)};
}

}  // namespace internal

// e^x. exp(-inf) = 0, exp(inf) = inf, NaN stays NaN; results below the normal range are denormal,
// or zero where the thread flushes denormals.
template <typename T>
MILLRACE_HD T Exp(T x) {
  using Range = internal::ExpRange<T>;
  const internal::ReducedExp<T> reduced = internal::ReduceExp(Clamp(x, Range::kLow, Range::kHigh));
  // Two factors: 2^n alone would leave the exponent's range before the result does.
  const T half = RoundToInteger(reduced.n * T(0.5));
  const T rest = RoundToInteger(reduced.n - half);
  return (T(1) + reduced.expm1) * PowerOfTwo(half) * PowerOfTwo(rest);
}

// e^x - 1 for 0 <= x <= 80, with full relative accuracy near 0. NaN stays NaN.
template <typename T>
MILLRACE_HD T Expm1OfNonNegative(T x) {
  const internal::ReducedExp<T> reduced = internal::ReduceExp(x);
  const T power = PowerOfTwo(reduced.n);
  return power * reduced.expm1 + (power - T(1));
}

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_MATH_EXP_H_
