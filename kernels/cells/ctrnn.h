// Continuous-time rate unit whose time constant is learned: h = (1 - l) h' + l tanh(a),
// l = sigmoid(leak). Contract of a unit map: unit.h.
//
// Gates: the pre-activation, leak. Component: h.
#ifndef MILLRACE_KERNELS_CELLS_CTRNN_H_
#define MILLRACE_KERNELS_CELLS_CTRNN_H_

#include "kernels/cells/unit.h"
#include "kernels/math/platform.h"
#include "kernels/math/slopes.h"

namespace millrace::kernels {

template <typename T>
struct CtrnnUnit {
  static constexpr int kGates = 2;
  static constexpr int kComponents = 1;
  static constexpr int kAuxiliary = 0;
  static constexpr Pair kCarry[1] = {{0, 0}};
  static constexpr Pair kSlope[2] = {{0, 0}, {0, 1}};

  MILLRACE_HD void operator()(const T* a, const T* prev, T* next, T* carry, T* slope) const {
    const TanhSlope<T> activation = TanhAndSlope(a[0]);
    const Gate<T> leak = GateAt(a[1]);
    next[0] = leak.closed * prev[0] + leak.open * activation.value;

    carry[0] = leak.closed;
    slope[0] = leak.open * activation.slope;
    slope[1] = (activation.value - prev[0]) * leak.slope;
  }
};

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_CELLS_CTRNN_H_
