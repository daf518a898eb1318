// Fragments of matrices: what each of a warp's 32 lanes has of a product of [16, 8] by [8, 8] on
// matrix units, TF32 by TF32 to float32 (mma.sync.aligned.m16n8k8 of PTX). With g = lane / 4 and
// t = lane % 4, (row, column), as the PTX ISA has it under "Matrix Fragments for mma.m16n8k8":
//
//   left   [16, 8]  at[0] (g, t)    at[1] (g + 8, t)     at[2] (g, t + 4)      at[3] (g + 8, t + 4)
//   right  [8, 8]   at[0] (t, g)    at[1] (t + 4, g)
//   sum    [16, 8]  at[0] (g, 2 t)  at[1] (g, 2 t + 1)   at[2] (g + 8, 2 t)    at[3] (g + 8, 2 t +
//   1)
//
// Factors are floats that are TF32 numbers (kernels/math/rounding.h). Thread-safe: plain values.
#ifndef MILLRACE_KERNELS_DEVICE_FRAGMENTS_H_
#define MILLRACE_KERNELS_DEVICE_FRAGMENTS_H_

#include "kernels/math/platform.h"

namespace millrace::kernels::device {

inline constexpr int kWarp = 32;
inline constexpr int kFragmentRows = 16;    // of left
inline constexpr int kFragmentColumns = 8;  // of right
inline constexpr int kFragmentDepth = 8;

struct LeftFragment {
  float at[4];
};
struct RightFragment {
  float at[2];
};
struct SumFragment {
  float at[4];
};

// Of one piece of the depth: kLefts by kRights products. With two parts a factor is their sum, the
// first being the larger.
template <int kLefts, int kRights, int kParts>
struct Operands {
  static constexpr int kLeftCount = kLefts, kRightCount = kRights, kPartCount = kParts;
  LeftFragment left[kParts][kLefts];
  RightFragment right[kParts][kRights];
};

// product(part of left, part of right) in the order in which the products of a piece are added: the
// small ones first, and that of both small parts never, which is below float32's last bit.
template <int kParts, typename Product>
MILLRACE_HD void EachProduct(const Product& product) {
  if constexpr (kParts == 2) {
    product(1, 0);
    product(0, 1);
  }
  product(0, 0);
}

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_FRAGMENTS_H_
