// Element-wise LSTM (Irie, Gopalakrishnan and Schmidhuber 2024): z = tanh(candidate + w_z c'),
// f = sigmoid(forget + w_f c'), c = f c' + (1 - f) z. Contract of a unit map: unit.h.
//
// Gates: candidate, forget, candidate_peephole w_z, forget_peephole w_f. Component: c.
#ifndef MILLRACE_KERNELS_CELLS_ELSTM_H_
#define MILLRACE_KERNELS_CELLS_ELSTM_H_

#include "kernels/cells/unit.h"
#include "kernels/math/platform.h"
#include "kernels/math/slopes.h"

namespace millrace::kernels {

template <typename T>
struct ElstmUnit {
  static constexpr int kGates = 4;
  static constexpr int kComponents = 1;
  static constexpr int kAuxiliary = 0;
  static constexpr Pair kCarry[1] = {{0, 0}};
  static constexpr Pair kSlope[4] = {{0, 0}, {0, 1}, {0, 2}, {0, 3}};

  MILLRACE_HD void operator()(const T* a, const T* prev, T* next, T* carry, T* slope) const {
    const TanhSlope<T> candidate = TanhAndSlope(a[0] + a[2] * prev[0]);
    const Gate<T> forget = GateAt(a[1] + a[3] * prev[0]);
    next[0] = forget.open * prev[0] + forget.closed * candidate.value;

    slope[0] = forget.closed * candidate.slope;
    slope[1] = (prev[0] - candidate.value) * forget.slope;
    slope[2] = slope[0] * prev[0];
    slope[3] = slope[1] * prev[0];
    carry[0] = forget.open + slope[0] * a[2] + slope[1] * a[3];
  }
};

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_CELLS_ELSTM_H_
