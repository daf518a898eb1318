// Where the moduli of diagonal recurrences start: eigenvalues even over the area of a ring of the
// unit disc (Orvieto et al. 2023).
//
// Thread-safe: pure functions but for the generator's state.
#ifndef MILLRACE_ENGINE_CELLS_RING_H_
#define MILLRACE_ENGINE_CELLS_RING_H_

#include <algorithm>

#include "engine/random.h"
#include "kernels/math/log.h"

namespace millrace::engine {

// (0, 1): both logarithms below stay finite.
inline double OpenUniform(Random* random) { return random->Uniform() + 0x1.0p-54; }

// -log r for r^2 uniform in (r_min^2, r_max^2); positive and finite.
inline double RingRate(double r_min, double r_max, Random* random) {
  const double low = r_min * r_min;
  const double square = low + OpenUniform(random) * (r_max * r_max - low);
  return -0.5 * kernels::Log(std::min(square, 1.0 - 0x1.0p-53));
}

// The ring of Griffin (De et al. 2024).
inline constexpr double kGriffinMinimum = 0.9;
inline constexpr double kGriffinMaximum = 0.999;

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_RING_H_
