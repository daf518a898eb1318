// Complex numbers for host and device, and the point of the unit circle at an angle.
//
// Sine and cosine without libm: reduction by pi/2 in three parts (Cody and Waite 1980), Taylor
// polynomials on |r| <= pi/4. Branch-free. Measured bounds: kernels/README.md.
#ifndef MILLRACE_KERNELS_MATH_COMPLEX_H_
#define MILLRACE_KERNELS_MATH_COMPLEX_H_

#include "kernels/math/platform.h"
#include "kernels/math/real.h"

namespace millrace::kernels {

template <typename T>
struct Complex {
  T re;
  T im;
};

template <typename T>
MILLRACE_HD Complex<T> operator+(Complex<T> a, Complex<T> b) {
  return {a.re + b.re, a.im + b.im};
}
template <typename T>
MILLRACE_HD Complex<T> operator-(Complex<T> a, Complex<T> b) {
  return {a.re - b.re, a.im - b.im};
}
template <typename T>
MILLRACE_HD Complex<T> operator*(Complex<T> a, Complex<T> b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
template <typename T>
MILLRACE_HD Complex<T> operator*(T a, Complex<T> b) {
  return {a * b.re, a * b.im};
}

// i z.
template <typename T>
MILLRACE_HD Complex<T> TimesI(Complex<T> z) {
  return {-z.im, z.re};
}

namespace internal {

// pi/2 in three parts; the first two end in zero bits, so that their products with the number of
// quarter turns up to kLargestAngle are exact.
template <typename T>
struct QuarterTurn;
template <>
struct QuarterTurn<float> {
  static constexpr float kHigh = 0x1.92p+0f;
  static constexpr float kMiddle = 0x1.fb4p-12f;
  static constexpr float kLow = 0x1.4442d2p-24f;
};
template <>
struct QuarterTurn<double> {
  static constexpr double kHigh = 0x1.921fb544p+0;
  static constexpr double kMiddle = 0x1.0b4611a6p-34;
  static constexpr double kLow = 0x1.3198a2e037073p-69;
};

// (sin(r) - r) / r^3 and (cos(r) - 1) / r^2, z = r^2 <= 0.617. Left out: 3e-9 (float) and 1e-19
// (double) of the sine, 2e-10 and 3e-18 of the cosine.
MILLRACE_HD float SinTail(float z) {
  float sum = 1.0f / 362880;
  sum = sum * z - 1.0f / 5040;
  sum = sum * z + 1.0f / 120;
  return sum * z - 1.0f / 6;
}
MILLRACE_HD double SinTail(double z) {
  double sum = 1.0 / 355687428096000;
  sum = sum * z - 1.0 / 1307674368000;
  sum = sum * z + 1.0 / 6227020800;
  sum = sum * z - 1.0 / 39916800;
  sum = sum * z + 1.0 / 362880;
  sum = sum * z - 1.0 / 5040;
  sum = sum * z + 1.0 / 120;
  return sum * z - 1.0 / 6;
}
MILLRACE_HD float CosTail(float z) {
  float sum = -1.0f / 3628800;
  sum = sum * z + 1.0f / 40320;
  sum = sum * z - 1.0f / 720;
  sum = sum * z + 1.0f / 24;
  return sum * z - 0.5f;
}
MILLRACE_HD double CosTail(double z) {
  double sum = 1.0 / 20922789888000;
  sum = sum * z - 1.0 / 87178291200;
  sum = sum * z + 1.0 / 479001600;
  sum = sum * z - 1.0 / 3628800;
  sum = sum * z + 1.0 / 40320;
  sum = sum * z - 1.0 / 720;
  sum = sum * z + 1.0 / 24;
  return sum * z - 0.5;
}

}  // namespace internal

// Angles are held within this many radians; rotations by more mean that a parameter has run away.
template <typename T>
inline constexpr T kLargestAngle = T(8192);

// cos(angle) + i sin(angle), each within an absolute error; NaN stays NaN.
template <typename T>
MILLRACE_HD Complex<T> UnitAt(T angle) {
  using Part = internal::QuarterTurn<T>;
  using Bits = typename Real<T>::Bits;
  constexpr T kTwoOverPi = T(0.6366197723675813431);
  const T x = Clamp(angle, -kLargestAngle<T>, kLargestAngle<T>);
  const T turns = RoundToInteger(x * kTwoOverPi);
  const T r = ((x - turns * Part::kHigh) - turns * Part::kMiddle) - turns * Part::kLow;
  const T z = r * r;
  const T sine = r + r * z * internal::SinTail(z);
  const T cosine = T(1) + z * internal::CosTail(z);
  // The number of quarter turns is in the low bits: odd ones exchange sine and cosine, and their
  // second bit is the sign of the sine, that of the next number the sign of the cosine.
  const Bits quarter = ToBits(turns + Real<T>::kRoundMagic);
  constexpr int kSignShift = 8 * static_cast<int>(sizeof(T)) - 2;
  const Bits odd = Bits(0) - (quarter & Bits(1));
  const Bits exchange = (ToBits(sine) ^ ToBits(cosine)) & odd;
  const Bits re_sign = ((quarter + Bits(1)) & Bits(2)) << kSignShift;
  const Bits im_sign = (quarter & Bits(2)) << kSignShift;
  return {FromBits<T>(ToBits(cosine) ^ exchange ^ re_sign),
          FromBits<T>(ToBits(sine) ^ exchange ^ im_sign)};
}

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_MATH_COMPLEX_H_
