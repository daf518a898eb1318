// 1 / sqrt(u) for an optimizer's step, where a full square root and a division would bound the
// loop.
//
// float: a seed by halving the exponent in the integer representation, then the cubic that is the
// best over the seed's error, relatively (its coefficients are part of the definition). The same
// bits on every target with FMA. double: the square root and the division.
#ifndef MILLRACE_KERNELS_MATH_INVERSE_ROOT_H_
#define MILLRACE_KERNELS_MATH_INVERSE_ROOT_H_

#include <cstdint>

#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"
#include "kernels/math/real.h"
#include "kernels/math/sqrt.h"

namespace millrace::kernels {

namespace internal {

// The seed, and the cubic in e = 1 - u y^2, y the seed, that is nearest to 1 / sqrt(1 - e).
inline constexpr std::uint32_t kRootSeed = 0x5f370000u;
inline constexpr float kRootCubic0 = 0x1.ffffe8p-1f;
inline constexpr float kRootCubic1 = 0x1.fffdf6p-2f;
inline constexpr float kRootCubic2 = 0x1.814506p-2f;
inline constexpr float kRootCubic3 = 0x1.446546p-2f;

// u y, y the seed, and what y is to be multiplied by.
struct SeededRoot {
  float seed;
  float root;
  float correction;
};

MILLRACE_HD SeededRoot SeedRoot(float u) {
  const float y = FromBits<float>(kRootSeed - (ToBits(u) >> 1));
  const float root = u * y;
  const float e = MulAdd(-root, y, 1.0f);
  float sum = MulAdd(kRootCubic3, e, kRootCubic2);
  sum = MulAdd(sum, e, kRootCubic1);
  return {y, root, MulAdd(sum, e, kRootCubic0)};
}

}  // namespace internal

// u >= 0, not denormal; double: u > 0. Relative error of float: 1e-6. Of 0 the float one is large
// and finite (1e19).
MILLRACE_HD float InverseRoot(float u) {
  const internal::SeededRoot root = internal::SeedRoot(u);
  return root.seed * root.correction;
}
MILLRACE_HD double InverseRoot(double u) { return 1.0 / Sqrt(u); }

// sqrt(u) + c, u >= 0, to the same accuracy; c of 0.
MILLRACE_HD float RootPlus(float u, float c) {
  const internal::SeededRoot root = internal::SeedRoot(u);
  return MulAdd(root.root, root.correction, c);
}
MILLRACE_HD double RootPlus(double u, double c) { return Sqrt(u) + c; }

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_MATH_INVERSE_ROOT_H_
