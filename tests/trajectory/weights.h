// Weights by name, as files hold them, and as the engine does: one vector [p].
//
// The leaky tanh cell's matrices are [to][from], a row for each unit, as most programs have them;
// all other cells' are [from][to], the blocks of the engine as they are. Biases and what a unit has
// for itself are plain arrays in both.
// Thread-safe: pure functions. O(p).
#ifndef MILLRACE_TESTS_TRAJECTORY_WEIGHTS_H_
#define MILLRACE_TESTS_TRAJECTORY_WEIGHTS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "engine/parameters.h"
#include "tests/trajectory/reading.h"

namespace millrace::trajectory {

enum class RowsOf { kTo, kFrom };

// theta [p]: every block of the layout, and no other name.
absl::StatusOr<std::vector<double>> ReadWeights(const Json& weights,
                                                const engine::ParameterLayout& layout, RowsOf rows);

// One block of theta [p].
Json BlockOf(const engine::ParameterBlock& block, RowsOf rows, const double* theta);

}  // namespace millrace::trajectory

#endif  // MILLRACE_TESTS_TRAJECTORY_WEIGHTS_H_
