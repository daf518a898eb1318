// The square root instruction: correctly rounded on every target, so no approximation of ours.
#ifndef MILLRACE_KERNELS_MATH_SQRT_H_
#define MILLRACE_KERNELS_MATH_SQRT_H_

#include "kernels/math/platform.h"

namespace millrace::kernels {

// IEEE square root; NaN below zero, -0 for -0. Needs -fno-math-errno to be the bare instruction.
MILLRACE_HD float Sqrt(float x) {
#ifdef __CUDA_ARCH__
  return __fsqrt_rn(x);
#else
  return __builtin_sqrtf(x);
#endif
}
MILLRACE_HD double Sqrt(double x) {
#ifdef __CUDA_ARCH__
  return __dsqrt_rn(x);
#else
  return __builtin_sqrt(x);
#endif
}

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_MATH_SQRT_H_
