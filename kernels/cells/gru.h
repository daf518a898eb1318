// GRU (Cho et al. 2014), both places of the reset: h = (1 - z) n + z h'. Contract of a unit map:
// unit.h.
#ifndef MILLRACE_KERNELS_CELLS_GRU_H_
#define MILLRACE_KERNELS_CELLS_GRU_H_

#include "kernels/cells/unit.h"
#include "kernels/math/platform.h"
#include "kernels/math/slopes.h"

namespace millrace::kernels {

// The reset after the recurrent product, as cuDNN and PyTorch have it:
// n = tanh(candidate_input + r candidate_recurrent).
//
// Gates: reset, update, candidate_input, candidate_recurrent. Component: h.
template <typename T>
struct GruAfterUnit {
  static constexpr int kGates = 4;
  static constexpr int kComponents = 1;
  static constexpr int kAuxiliary = 0;
  static constexpr Pair kCarry[1] = {{0, 0}};
  static constexpr Pair kSlope[4] = {{0, 0}, {0, 1}, {0, 2}, {0, 3}};

  MILLRACE_HD void operator()(const T* a, const T* prev, T* next, T* carry, T* slope) const {
    const Gate<T> reset = GateAt(a[0]);
    const Gate<T> update = GateAt(a[1]);
    const TanhSlope<T> candidate = TanhAndSlope(a[2] + reset.open * a[3]);
    next[0] = update.closed * candidate.value + update.open * prev[0];

    const T from_candidate = update.closed * candidate.slope;
    carry[0] = update.open;
    slope[0] = from_candidate * a[3] * reset.slope;
    slope[1] = (prev[0] - candidate.value) * update.slope;
    slope[2] = from_candidate;
    slope[3] = from_candidate * reset.open;
  }
};

// The reset before the recurrent product, as first published: the candidate's pre-activation is
// W x + R (r h') + b, so a reset acts on other units' candidates. That path runs through recurrent
// weights and is the caller's, from GateAt(a[0]): r_k multiplies h'_k on its way into R.
//
// Gates: reset, update, candidate. Component: h.
template <typename T>
struct GruBeforeUnit {
  static constexpr int kGates = 3;
  static constexpr int kComponents = 1;
  static constexpr int kAuxiliary = 0;
  static constexpr Pair kCarry[1] = {{0, 0}};
  static constexpr Pair kSlope[2] = {{0, 1}, {0, 2}};

  MILLRACE_HD void operator()(const T* a, const T* prev, T* next, T* carry, T* slope) const {
    const Gate<T> update = GateAt(a[1]);
    const TanhSlope<T> candidate = TanhAndSlope(a[2]);
    next[0] = update.closed * candidate.value + update.open * prev[0];

    carry[0] = update.open;
    slope[0] = (prev[0] - candidate.value) * update.slope;
    slope[1] = update.closed * candidate.slope;
  }
};

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_CELLS_GRU_H_
