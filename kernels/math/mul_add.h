// The one place where a product and a sum may become one rounding.
//
// The compiler contracts nothing by itself (-ffp-contract=off, -fmad=false). MulAdd is fused in
// code that is compiled with MILLRACE_FUSED, which only sources for processors with FMA are, and on
// a GPU; elsewhere it rounds twice. So two numeric paths exist, and which one a computation takes
// is decided by where it is called from, never by the width of the vectors.
#ifndef MILLRACE_KERNELS_MATH_MUL_ADD_H_
#define MILLRACE_KERNELS_MATH_MUL_ADD_H_

#include "kernels/math/platform.h"

namespace millrace::kernels {

// a * b + c.
MILLRACE_HD float MulAdd(float a, float b, float c) {
#if defined(MILLRACE_FUSED) || defined(__CUDA_ARCH__)
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}
MILLRACE_HD double MulAdd(double a, double b, double c) {
#if defined(MILLRACE_FUSED) || defined(__CUDA_ARCH__)
  return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_MATH_MUL_ADD_H_
