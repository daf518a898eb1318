// The engine's specification of the model that a recording was made with.
//
// Names of rules, optimizers, cells, heads and losses are taken in any case and with - for _, as
// other programs write them: "KF-RTRL". "full_rtrl" is rtrl, "mse" mean_squared_error, "softmax"
// cross_entropy. Sizes that are not set follow from inputs and weights.
// Thread-safe: pure functions.
#ifndef MILLRACE_TESTS_TRAJECTORY_SPECIFICATION_H_
#define MILLRACE_TESTS_TRAJECTORY_SPECIFICATION_H_

#include "absl/status/statusor.h"
#include "engine/spec.h"
#include "tests/trajectory/reading.h"

namespace millrace::trajectory {

// Keys of part `rule` that say how numbers from outside enter; the engine knows none of them.
inline constexpr char kFeedback[] = "feedback";             // as a matrix
inline constexpr char kImmediateLeak[] = "immediate_leak";  // of uoro

// Resolved, float64, without clip, caps and good copies.
absl::StatusOr<engine::ModelSpec> ReadSpecification(const Json& in);

}  // namespace millrace::trajectory

#endif  // MILLRACE_TESTS_TRAJECTORY_SPECIFICATION_H_
