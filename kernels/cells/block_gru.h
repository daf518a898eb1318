// The block-diagonal GRU's unit (Hafner et al. 2023): c = tanh(sigmoid(reset) candidate),
// u = sigmoid(update - 1), h = u c + (1 - u) h'. Contract of a unit map: unit.h.
//
// Gates: reset, candidate, update. Component: h. The reset multiplies the pre-activation, so unlike
// in GRU it touches the unit's own candidate only.
#ifndef MILLRACE_KERNELS_CELLS_BLOCK_GRU_H_
#define MILLRACE_KERNELS_CELLS_BLOCK_GRU_H_

#include "kernels/cells/unit.h"
#include "kernels/math/platform.h"
#include "kernels/math/slopes.h"

namespace millrace::kernels {

template <typename T>
struct BlockGruUnit {
  static constexpr int kGates = 3;
  static constexpr int kComponents = 1;
  static constexpr int kAuxiliary = 0;
  static constexpr Pair kCarry[1] = {{0, 0}};
  static constexpr Pair kSlope[3] = {{0, 0}, {0, 1}, {0, 2}};

  MILLRACE_HD void operator()(const T* a, const T* prev, T* next, T* carry, T* slope) const {
    const Gate<T> reset = GateAt(a[0]);
    const TanhSlope<T> candidate = TanhAndSlope(reset.open * a[1]);
    const Gate<T> update = GateAt(a[2] - T(1));
    next[0] = update.open * candidate.value + update.closed * prev[0];

    const T from_candidate = update.open * candidate.slope;
    carry[0] = update.closed;
    slope[0] = from_candidate * a[1] * reset.slope;
    slope[1] = from_candidate * reset.open;
    slope[2] = (candidate.value - prev[0]) * update.slope;
  }
};

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_CELLS_BLOCK_GRU_H_
