// The natural logarithm without libm: x = 2^e m with m in [sqrt(1/2), sqrt(2)), and
// log m = 2 atanh(s), s = (m - 1) / (m + 1), by the series s + s^3/3 + s^5/5 + ...
//
// Branch-free. Measured bounds: kernels/README.md.
#ifndef MILLRACE_KERNELS_MATH_LOG_H_
#define MILLRACE_KERNELS_MATH_LOG_H_

#include "kernels/math/platform.h"
#include "kernels/math/real.h"

namespace millrace::kernels {

namespace internal {

// 2 (atanh(s) - s) / s, z = s^2 <= 0.0295. Left out: 2e-9 (float) and 3e-18 (double) of log m.
MILLRACE_HD float AtanhTail(float z) {
  float sum = 2.0f / 9;
  sum = sum * z + 2.0f / 7;
  sum = sum * z + 2.0f / 5;
  return (sum * z + 2.0f / 3) * z;
}
MILLRACE_HD double AtanhTail(double z) {
  double sum = 2.0 / 21;
  sum = sum * z + 2.0 / 19;
  sum = sum * z + 2.0 / 17;
  sum = sum * z + 2.0 / 15;
  sum = sum * z + 2.0 / 13;
  sum = sum * z + 2.0 / 11;
  sum = sum * z + 2.0 / 9;
  sum = sum * z + 2.0 / 7;
  sum = sum * z + 2.0 / 5;
  return (sum * z + 2.0 / 3) * z;
}

// log x for finite x > 0, normal after scaling.
template <typename T>
MILLRACE_HD T LogOfPositive(T x) {
  using Bits = typename Real<T>::Bits;
  constexpr int kFractionBits = Real<T>::kFractionBits;
  constexpr Bits kSqrtHalf = __builtin_bit_cast(Bits, T(0.70710678118654752440));
  constexpr Bits kBias = Real<T>::kExponentBias;
  constexpr T kTwoToFraction = T(Bits(1) << kFractionBits);
  constexpr T kScale = kTwoToFraction * T(4);

  const bool tiny = x < Real<T>::kMinNormal;
  const Bits bits = ToBits(tiny ? x * kScale : x);
  const Bits biased_exponent = (bits - kSqrtHalf + (kBias << kFractionBits)) >> kFractionBits;
  const T m = FromBits<T>(bits - ((biased_exponent - kBias) << kFractionBits));
  // An integer below 2^fraction becomes a T by its bits: no conversion instruction is needed.
  const T e = FromBits<T>(biased_exponent | ToBits(kTwoToFraction)) - (kTwoToFraction + T(kBias)) -
              (tiny ? T(kFractionBits + 2) : T(0));

  // log m = f - (f^2/2 - s (f^2/2 + tail)), where f = m - 1 is exact and large beside the rest.
  const T f = m - T(1);
  const T s = f / (T(2) + f);
  const T half_square = T(0.5) * f * f;
  const T tail = AtanhTail(s * s);
  const T correction = s * (half_square + tail) + e * Real<T>::kLn2Low;
  return e * Real<T>::kLn2High - ((half_square - correction) - f);
}

}  // namespace internal

// log x; log(+-0) = -inf, log of a negative number is NaN, log(inf) = inf.
template <typename T>
MILLRACE_HD T Log(T x) {
  const T finite = internal::LogOfPositive(x);
  const T positive = x < Real<T>::kInfinity ? finite : x;
  const T zero_or_positive = x > T(0) ? positive : -Real<T>::kInfinity;
  return x >= T(0) ? zero_or_positive : Real<T>::kNan;
}

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_MATH_LOG_H_
