// A warp's product of fragments on the host: the lanes' parts are gathered into matrices by the
// layout that the PTX ISA gives ("Matrix Fragments for mma.m16n8k8"), multiplied, and scattered.
//
// What hardware does beyond that is not specified. Measured (Fasi, Higham, Mikaitis and Pranesh
// 2021): products are exact, and sums are cut off, not rounded. So the sum is formed in double,
// which is exact but for its last bits, and cut off to float.
//
// Thread-safe: pure functions.
#ifndef MILLRACE_KERNELS_TESTING_HOST_FRAGMENTS_H_
#define MILLRACE_KERNELS_TESTING_HOST_FRAGMENTS_H_

#include <array>
#include <cmath>
#include <cstddef>

#include "kernels/device/fragments.h"

namespace millrace::kernels::testing {

// Of each lane: its fragments of left [16, 8], right [8, 8] and sum [16, 8].
using Lefts = std::array<device::LeftFragment, device::kWarp>;
using Rights = std::array<device::RightFragment, device::kWarp>;
using Sums = std::array<device::SumFragment, device::kWarp>;

struct PlaceInMatrix {
  int row, column;
};
inline PlaceInMatrix PlaceOfLeft(int lane, int i) {
  constexpr int kRow[] = {0, 8, 0, 8}, kColumn[] = {0, 0, 4, 4};
  return {lane / 4 + kRow[i], lane % 4 + kColumn[i]};
}
inline PlaceInMatrix PlaceOfRight(int lane, int i) {
  constexpr int kRow[] = {0, 4};
  return {lane % 4 + kRow[i], lane / 4};
}
inline PlaceInMatrix PlaceOfSum(int lane, int i) {
  constexpr int kRow[] = {0, 0, 8, 8}, kColumn[] = {0, 1, 0, 1};
  return {lane / 4 + kRow[i], lane % 4 * 2 + kColumn[i]};
}

// The float nearest to x of those no larger in magnitude.
inline float CutOff(double x) {
  const float nearest = static_cast<float>(x);
  return std::abs(static_cast<double>(nearest)) > std::abs(x) ? std::nextafterf(nearest, 0.0F)
                                                              : nearest;
}

// sums += left right.
inline void MultiplyAdd(const Lefts& lefts, const Rights& rights, Sums* sums) {
  double left[16][8], right[8][8];
  for (int lane = 0; lane < device::kWarp; ++lane) {
    const auto own = static_cast<std::size_t>(lane);
    for (int i = 0; i < 4; ++i) {
      const PlaceInMatrix at = PlaceOfLeft(lane, i);
      left[at.row][at.column] = lefts[own].at[i];
    }
    for (int i = 0; i < 2; ++i) {
      const PlaceInMatrix at = PlaceOfRight(lane, i);
      right[at.row][at.column] = rights[own].at[i];
    }
  }
  for (int lane = 0; lane < device::kWarp; ++lane) {
    for (int i = 0; i < 4; ++i) {
      const PlaceInMatrix at = PlaceOfSum(lane, i);
      float& to = (*sums)[static_cast<std::size_t>(lane)].at[i];
      double sum = to;
      for (int k = 0; k < device::kFragmentDepth; ++k) sum += left[at.row][k] * right[k][at.column];
      to = CutOff(sum);
    }
  }
}

// left[m] right[n] of a warp whose lanes have operands [kWarp].
template <typename Operands>
Sums ProductOf(const Operands* operands, int m, int n) {
  Sums product = {};
  device::EachProduct<Operands::kPartCount>([&](int of_left, int of_right) {
    Lefts lefts;
    Rights rights;
    for (std::size_t lane = 0; lane < lefts.size(); ++lane) {
      lefts[lane] = operands[lane].left[of_left][m];
      rights[lane] = operands[lane].right[of_right][n];
    }
    MultiplyAdd(lefts, rights, &product);
  });
  return product;
}

}  // namespace millrace::kernels::testing

#endif  // MILLRACE_KERNELS_TESTING_HOST_FRAGMENTS_H_
