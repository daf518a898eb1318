// The order in which narrow blocks of sensitivities are swept: some rows of weights for one vector
// of units after the other, so that what belongs to the units stays near. For
// even_sensitivities.h and narrow_sensitivities.h.
#ifndef MILLRACE_KERNELS_CPU_NARROW_PARTS_H_
#define MILLRACE_KERNELS_CPU_NARROW_PARTS_H_

#include <cstdint>

#include "kernels/math/platform.h"
#include "kernels/sensitivities.h"

namespace millrace::kernels::cpu {

// The weights of a vector of units in some rows of one gate.
struct NarrowPart {
  int gate;
  std::int64_t row;
  std::int64_t end;
  std::int64_t first;  // unit
};

// body(part) for all weights, vectors of `lanes` units.
template <typename T, typename Body>
MILLRACE_HD void ForNarrowParts(const SensitivitySweep<T>& sweep, int lanes, const Body& body) {
  constexpr std::int64_t kRowsInTurn = 32;
  std::int64_t row = 0;
  for (int gate = 0; gate < sweep.gate_count; ++gate) {
    const std::int64_t end = row + sweep.gates[gate].count;
    while (row < end) {
      const std::int64_t next = end - row < kRowsInTurn ? end : row + kRowsInTurn;
      for (std::int64_t l = 0; l < sweep.shape.units; l += lanes) {
        body(NarrowPart{gate, row, next, l});
      }
      row = next;
    }
  }
}

// How component c of a unit depends on its pre-activation of a gate [n], or null.
template <typename T>
MILLRACE_HD const T* SlopeOf(const SensitivitySweep<T>& sweep, int gate, int c) {
  for (int k = 0; k < sweep.slope_count; ++k) {
    if (sweep.slopes[k].to == c && sweep.slopes[k].gate == gate) return sweep.slopes[k].slope;
  }
  return nullptr;
}

}  // namespace millrace::kernels::cpu

#endif  // MILLRACE_KERNELS_CPU_NARROW_PARTS_H_
