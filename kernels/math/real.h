// IEEE binary32 and binary64 taken apart: the traits the scalar math is written with.
//
// Everything here is exact. The code assumes round-to-nearest-even, and that the compiler neither
// contracts nor reassociates (-ffp-contract=off, -fmad=false, no -ffast-math).
#ifndef MILLRACE_KERNELS_MATH_REAL_H_
#define MILLRACE_KERNELS_MATH_REAL_H_

#include <cstdint>

#include "kernels/math/platform.h"

namespace millrace::kernels {

// Bits: an unsigned integer of the type's size. kRoundMagic: adding it rounds |x| < 2^(digits-3) to
// an integer and leaves that integer, in two's complement, in the low bits of the significand.
template <typename T>
struct Real;

template <>
struct Real<float> {
  using Bits = std::uint32_t;
  static constexpr int kFractionBits = 23;
  static constexpr Bits kExponentBias = 127;
  static constexpr Bits kSign = 0x80000000u;
  static constexpr Bits kExponentMask = 0x7f800000u;
  static constexpr float kRoundMagic = 12582912.0f;  // 1.5 * 2^23
  static constexpr float kInfinity = __builtin_huge_valf();
  static constexpr float kNan = __builtin_nanf("");
  static constexpr float kMinNormal = 1.17549435e-38f;
  // ln 2 in two parts; the high one has 9 zero bits at its end, so that n * high is exact.
  static constexpr float kLn2High = 0x1.62e400p-1f;
  static constexpr float kLn2Low = 0x1.7f7d1cp-20f;
};

template <>
struct Real<double> {
  using Bits = std::uint64_t;
  static constexpr int kFractionBits = 52;
  static constexpr Bits kExponentBias = 1023;
  static constexpr Bits kSign = 0x8000000000000000u;
  static constexpr Bits kExponentMask = 0x7ff0000000000000u;
  static constexpr double kRoundMagic = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double kInfinity = __builtin_huge_val();
  static constexpr double kNan = __builtin_nan("");
  static constexpr double kMinNormal = 2.2250738585072014e-308;
  // 21 zero bits at the end of the high part.
  static constexpr double kLn2High = 0x1.62e42feep-1;
  static constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
};

template <typename T>
MILLRACE_HD typename Real<T>::Bits ToBits(T x) {
  return __builtin_bit_cast(typename Real<T>::Bits, x);
}

template <typename T>
MILLRACE_HD T FromBits(typename Real<T>::Bits bits) {
  return __builtin_bit_cast(T, bits);
}

// The magnitude of x with its sign bit cleared; NaN stays NaN.
template <typename T>
MILLRACE_HD T Abs(T x) {
  return FromBits<T>(ToBits(x) & ~Real<T>::kSign);
}

// magnitude, which must not be negative, with the sign of sign (that of a zero too).
template <typename T>
MILLRACE_HD T WithSignOf(T magnitude, T sign) {
  return FromBits<T>(ToBits(magnitude) | (ToBits(sign) & Real<T>::kSign));
}

// False for infinities and NaN, whatever the compiler is told about them.
template <typename T>
MILLRACE_HD bool IsFinite(T x) {
  return (ToBits(x) & Real<T>::kExponentMask) != Real<T>::kExponentMask;
}

// The larger, the smaller; b if either is NaN (as the SSE instructions do).
template <typename T>
MILLRACE_HD T Max(T a, T b) {
  return a > b ? a : b;
}
template <typename T>
MILLRACE_HD T Min(T a, T b) {
  return a < b ? a : b;
}

// x within [low, high]; NaN stays NaN.
template <typename T>
MILLRACE_HD T Clamp(T x, T low, T high) {
  return Min(high, Max(low, x));
}

// The integer nearest to x, ties to even. |x| < 2^21 (float), 2^50 (double).
template <typename T>
MILLRACE_HD T RoundToInteger(T x) {
  return (x + Real<T>::kRoundMagic) - Real<T>::kRoundMagic;
}

// 2^n for an integer n with a normal result.
template <typename T>
MILLRACE_HD T PowerOfTwo(T n) {
  return FromBits<T>((ToBits(n + Real<T>::kRoundMagic) + Real<T>::kExponentBias)
                     << Real<T>::kFractionBits);
}

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_MATH_REAL_H_
