// Rounding of float32 to the narrower numbers that matrix units take and that sensitivities may be
// kept in: TF32 (8 bits of exponent, 10 of fraction, in the place of a float32 whose 13 last bits
// are zero) and bfloat16 (8 and 7, two bytes).
//
// Both keep float32's exponents: what overflows does so by its rounding alone, and denormal numbers
// lose their last bits as others do. Infinities stay, NaN stays NaN, signs stay.
//   RoundToTf32   to the nearest, ties away from zero: cvt.rna.tf32.f32 of PTX
//   RoundToBf16   to the nearest, ties to even; WidenBf16 is exact
// Every float32 x is high + low to 2^-23 |x| with both of them TF32 (SplitTf32), as long as no part
// is denormal: what makes a float32 product of three TF32 ones.
#ifndef MILLRACE_KERNELS_MATH_ROUNDING_H_
#define MILLRACE_KERNELS_MATH_ROUNDING_H_

#include <cstdint>

#include "kernels/math/platform.h"
#include "kernels/math/real.h"

namespace millrace::kernels {

MILLRACE_HD float RoundToTf32(float x) {
  constexpr std::uint32_t kHalf = 0x1000u;
  constexpr std::uint32_t kKept = 0xffffe000u;
  // Adding would carry a NaN's bits into the sign.
  return x == x ? FromBits<float>((ToBits(x) + kHalf) & kKept) : x;
}

struct Tf32Pair {
  float high, low;
};
MILLRACE_HD Tf32Pair SplitTf32(float x) {
  const float high = RoundToTf32(x);
  return {high, RoundToTf32(x - high)};
}

MILLRACE_HD std::uint16_t RoundToBf16(float x) {
  const std::uint32_t bits = ToBits(x);
  if (x != x) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
  // A half less than one of the last bit kept, and that bit: a tie goes up from odd ones alone.
  return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
MILLRACE_HD float WidenBf16(std::uint16_t x) {
  return FromBits<float>(static_cast<std::uint32_t>(x) << 16);
}

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_MATH_ROUNDING_H_
