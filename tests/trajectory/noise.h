// What stochastic rules draw, and the factors that they start with, as other programs have them.
//
// uoro:    noise [T][N], N numbers of state (n of the leaky tanh cell). noise_state: A [N]; B [p],
//          the cell's weights in the engine's order, or of the leaky tanh cell [n][n + d + 1], row
//          i the weights into unit i from [h; x; 1].
// kf_rtrl: noise [T][2]: nu0 of what was there, nu1 of what is new. noise_state: A [n + d + 1], of
//          [h; x; 1]; B [n][n], row k the derivatives of unit k.
// A program that leaves the leak out of UORO's immediate derivative (rule.immediate_leak false) has
// sqrt(1 / leak) times the noise: both factors take the same part of it.
// Thread-safe: pure functions.
#ifndef MILLRACE_TESTS_TRAJECTORY_NOISE_H_
#define MILLRACE_TESTS_TRAJECTORY_NOISE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "engine/cells/cell.h"
#include "engine/spec.h"
#include "tests/trajectory/reading.h"

namespace millrace::trajectory {

// [T, count], of a rule that draws `count` numbers a step; empty where the file has none.
absl::StatusOr<std::vector<double>> ReadNoise(const Json& in, const engine::ModelSpec& spec,
                                              std::int64_t steps, std::int64_t count);

// The rule's state before the first step; empty where the file has none.
absl::StatusOr<std::vector<double>> ReadNoiseState(const Json& in, const engine::ModelSpec& spec,
                                                   const engine::Cell<double>& cell);

}  // namespace millrace::trajectory

#endif  // MILLRACE_TESTS_TRAJECTORY_NOISE_H_
