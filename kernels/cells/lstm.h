// LSTM (Hochreiter and Schmidhuber 1997; forget gate: Gers, Schmidhuber and Cummins 2000):
// c = f c' + i z, h = o tanh(c). Contract of a unit map: unit.h.
//
// Gates: input, forget, candidate, output. Components: c, h.
#ifndef MILLRACE_KERNELS_CELLS_LSTM_H_
#define MILLRACE_KERNELS_CELLS_LSTM_H_

#include "kernels/cells/unit.h"
#include "kernels/math/platform.h"
#include "kernels/math/slopes.h"

namespace millrace::kernels {

template <typename T>
struct LstmUnit {
  static constexpr int kGates = 4;
  static constexpr int kComponents = 2;
  static constexpr int kAuxiliary = 0;
  static constexpr Pair kCarry[2] = {{0, 0}, {1, 0}};
  static constexpr Pair kSlope[7] = {{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}, {1, 3}};

  MILLRACE_HD void operator()(const T* a, const T* prev, T* next, T* carry, T* slope) const {
    const Gate<T> input = GateAt(a[0]);
    const Gate<T> forget = GateAt(a[1]);
    const TanhSlope<T> candidate = TanhAndSlope(a[2]);
    const Gate<T> output = GateAt(a[3]);
    next[0] = forget.open * prev[0] + input.open * candidate.value;
    const TanhSlope<T> squashed = TanhAndSlope(next[0]);
    next[1] = output.open * squashed.value;

    const T from_cell = output.open * squashed.slope;
    carry[0] = forget.open;
    carry[1] = from_cell * forget.open;
    slope[0] = candidate.value * input.slope;
    slope[1] = prev[0] * forget.slope;
    slope[2] = input.open * candidate.slope;
    slope[3] = from_cell * slope[0];
    slope[4] = from_cell * slope[1];
    slope[5] = from_cell * slope[2];
    slope[6] = squashed.value * output.slope;
  }
};

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_CELLS_LSTM_H_
