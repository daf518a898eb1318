// minGRU (Feng et al. 2024): z = sigmoid(update), h = (1 - z) h' + z g(candidate). Contract of a
// unit map: unit.h.
//
// Gates: update, candidate. Component: h.
#ifndef MILLRACE_KERNELS_CELLS_MIN_GRU_H_
#define MILLRACE_KERNELS_CELLS_MIN_GRU_H_

#include "kernels/cells/unit.h"
#include "kernels/math/platform.h"
#include "kernels/math/slopes.h"

namespace millrace::kernels {

template <typename T>
struct MinGruUnit {
  static constexpr int kGates = 2;
  static constexpr int kComponents = 1;
  static constexpr int kAuxiliary = 0;
  static constexpr Pair kCarry[1] = {{0, 0}};
  static constexpr Pair kSlope[2] = {{0, 0}, {0, 1}};

  // g(x) = x + 1/2 from 0 on and sigmoid(x) below, which keeps h positive; otherwise g(x) = x.
  bool positive = false;

  MILLRACE_HD void operator()(const T* a, const T* prev, T* next, T* carry, T* slope) const {
    const Gate<T> update = GateAt(a[0]);
    const Gate<T> below = GateAt(a[1]);
    const bool squash = positive && a[1] < T(0);
    const T candidate = squash ? below.open : a[1] + (positive ? T(0.5) : T(0));
    next[0] = update.closed * prev[0] + update.open * candidate;

    carry[0] = update.closed;
    slope[0] = (candidate - prev[0]) * update.slope;
    slope[1] = update.open * (squash ? below.slope : T(1));
  }
};

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_CELLS_MIN_GRU_H_
