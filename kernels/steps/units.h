// The units of a cell, as steps: a unit map (kernels/cells/unit.h) over arrays whose rows are
// units.
//
// Each number of a unit is a row [n] of its own, so that a loop over units is a loop over
// contiguous memory. A unit's results depend on its own numbers only.
#ifndef MILLRACE_KERNELS_STEPS_UNITS_H_
#define MILLRACE_KERNELS_STEPS_UNITS_H_

#include <cstdint>

#include "kernels/cells/list.h"
#include "kernels/cells/s4d.h"
#include "kernels/cells/unit.h"
#include "kernels/math/platform.h"
#include "kernels/math/slopes.h"
#include "kernels/units.h"

namespace millrace::kernels::steps {

// Bodies are members and not lambdas: they must be inlined, whatever their size, to vectorise. For
// runs on a copy, which no store of the loop can reach.
template <typename T, typename Unit>
struct Units {
  Unit unit;
  UnitArrays<T> arrays;

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    const Units each = *this;
    exec.For(arrays.n, each);
  }

  // Unit i.
  MILLRACE_HD void operator()(std::int64_t i) const {
    constexpr int kStates = Unit::kComponents + Unit::kAuxiliary;
    const std::int64_t n = arrays.n;
    T a[Unit::kGates], previous[kStates], state[kStates];
    T carry[kCarries<Unit>], slope[kSlopes<Unit>];
    for (int g = 0; g < Unit::kGates; ++g) a[g] = arrays.preactivation[g * n + i];
    for (int c = 0; c < kStates; ++c) previous[c] = arrays.previous[c * n + i];
    unit(a, previous, state, carry, slope);
    for (int c = 0; c < kStates; ++c) arrays.state[c * n + i] = state[c];
    for (int k = 0; k < kCarries<Unit>; ++k) arrays.carry[k * n + i] = carry[k];
    for (int k = 0; k < kSlopes<Unit>; ++k) arrays.slope[k * n + i] = slope[k];
  }
};

#define MILLRACE_UNITS(Name) \
  template <typename T>      \
  using Name##s = Units<T, Name<T>>;
MILLRACE_FOR_EACH_UNIT(MILLRACE_UNITS)
#undef MILLRACE_UNITS

// Diagonal state space channels, state by state.
template <typename T>
struct S4dUnits {
  int states;
  UnitArrays<T> arrays;

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    const S4dChannel<T> channel = {states,          arrays.n,     arrays.preactivation,
                                   arrays.previous, arrays.state, arrays.carry,
                                   arrays.slope};
    exec.For(arrays.n, [&](std::int64_t i) { channel.Start(i); });
    for (int s = 0; s < states; ++s) exec.For(arrays.n, State{channel, s});
  }

 private:
  struct State {
    S4dChannel<T> channel;
    int s;
    MILLRACE_HD void operator()(std::int64_t i) const { channel.AddState(s, i); }
  };
};

// view[i] = r x[i], gain[i] = r, slope[i] = d(r x[i])/da[i] with r = 1 / (1 + e^-a[i]).
template <typename T>
struct Modulate {
  const T* a;  // [n]
  const T* x;  // [n]
  std::int64_t n;
  T* view;   // [n]
  T* gain;   // [n]
  T* slope;  // [n]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    const Modulate each = *this;
    exec.For(n, each);
  }

  MILLRACE_HD void operator()(std::int64_t i) const {
    const Gate<T> r = GateAt(a[i]);
    view[i] = r.open * x[i];
    gain[i] = r.open;
    slope[i] = x[i] * r.slope;
  }
};

}  // namespace millrace::kernels::steps

#endif  // MILLRACE_KERNELS_STEPS_UNITS_H_
