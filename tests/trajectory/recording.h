// A recording: what another implementation started with and was given, step by step.
//
// README.md describes the file. Everything in it is checked when it is read: names, shapes, ranges.
// Thread-safe: a value and pure functions.
#ifndef MILLRACE_TESTS_TRAJECTORY_RECORDING_H_
#define MILLRACE_TESTS_TRAJECTORY_RECORDING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/losses/loss.h"
#include "engine/spec.h"
#include "tests/trajectory/weights.h"

namespace millrace::trajectory {

// The target of one step.
struct RecordedTarget {
  engine::TargetKind kind = engine::TargetKind::kAbsent;
  std::vector<double> values = {};  // [m] of values and probabilities
  std::int64_t label = -1;
};

struct Recording {
  engine::ModelSpec spec = {};  // resolved
  RowsOf rows = RowsOf::kFrom;
  std::int64_t steps = 0, width = 0;         // T, d
  std::uint64_t seed = 0;                    // of what a rule draws where no noise is given
  double target_weight = 1;                  // factor of the gradient of every target
  std::vector<double> theta = {};            // [p]
  std::vector<double> state = {};            // [S] before the first step
  std::vector<double> inputs = {};           // [T, d]
  std::vector<RecordedTarget> targets = {};  // [T]
  std::vector<double> noise = {};            // [T, numbers of a step], or empty
  std::vector<double> rule_state = {};       // before the first step, or empty
  std::vector<double> feedback = {};         // [o, m], or empty
};

absl::StatusOr<Recording> ReadRecording(const std::string& text);

}  // namespace millrace::trajectory

#endif  // MILLRACE_TESTS_TRAJECTORY_RECORDING_H_
