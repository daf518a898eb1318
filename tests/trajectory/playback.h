// One float64 stream that takes a recording's steps: the parts of the engine in the order in which
// its learner goes through them, so that every gradient can be seen before the optimizer has it.
// playback_test.cc holds the result to the learner's own, bit by bit.
//
// Thread-compatible. A step costs what the engine's does.
#ifndef MILLRACE_TESTS_TRAJECTORY_PLAYBACK_H_
#define MILLRACE_TESTS_TRAJECTORY_PLAYBACK_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/aligned.h"
#include "engine/guard.h"
#include "engine/losses/list.h"
#include "engine/network.h"
#include "engine/optimizers/list.h"
#include "engine/rules/list.h"
#include "engine/updater.h"
#include "tests/trajectory/recording.h"

namespace millrace::trajectory {

// What one step showed, all of it from before its update.
struct PlayedStep {
  bool held = false;                    // there was a target
  double loss = 0;                      // without the target's weight
  std::vector<double> state = {};       // [S]
  std::vector<double> outputs = {};     // y [m]
  std::vector<double> prediction = {};  // [m] on the scale of the targets
  std::vector<double> gradient = {};    // [p], zeros where nothing is learned
};

class Playback {
 public:
  // `recording` must outlive this.
  explicit Playback(const Recording& recording);

  // Takes step t; steps come in order. OUT_OF_RANGE where numbers are no longer finite.
  absl::StatusOr<PlayedStep> Step(std::int64_t t);

  const engine::ParameterLayout& layout() const { return network_.layout(); }
  const engine::AlignedVector<double>& theta() const { return weights_.theta; }  // [p]

 private:
  void Advance(std::int64_t t);
  // Gradient, and the update by it.
  void ListOuter(engine::Gradient<double>* gradient);
  absl::Status Learn(std::int64_t t, PlayedStep* played);
  engine::TargetRow<double> TargetOf(std::int64_t t) const;
  std::vector<double> Prediction() const;

  const Recording& recording_;
  engine::Network<double> network_;
  std::unique_ptr<engine::Loss<double>> loss_;
  std::unique_ptr<engine::Rule<double>> rule_;
  std::unique_ptr<engine::Optimizer<double>> optimizer_;
  engine::GuardSettings guard_;
  engine::Updater<double> updater_;
  engine::Weights<double> weights_;
  std::vector<double> state_, rule_state_, constants_;
  // Scratch.
  engine::NetworkStep<double> step_;
  std::vector<double> y_, dy_, df_, g_;
};

}  // namespace millrace::trajectory

#endif  // MILLRACE_TESTS_TRAJECTORY_PLAYBACK_H_
