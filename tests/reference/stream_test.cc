// The reference's stream: late targets change nothing but the time of learning.
#include "tests/reference/stream.h"

#include <cmath>

#include "gtest/gtest.h"

namespace millrace::reference {
namespace {

Design MakeDesign(TargetMode mode) {
  Design design;
  design.shape = Shape{3, 2, 2, true};
  design.leak = 0.5;
  design.input.size = 2;
  design.input.normalise = true;
  design.rule.kind = RuleKind::kSnap1;
  design.target = mode;
  return design;
}

Vector Weights() {
  Vector weights(MakeDesign(TargetMode::kDelayed).shape.Size());
  for (std::size_t place = 0; place < weights.size(); ++place) {
    weights[place] = std::sin(1.7 * static_cast<double>(place + 1));
  }
  return weights;
}

Observation Step(int t) {
  Observation observation;
  observation.x = Vector{std::cos(0.3 * t), std::sin(0.7 * t)};
  observation.reset_before = t % 11 == 5;
  return observation;
}

Target TargetOf(int t) { return Target{{std::cos(0.3 * t + 1), std::sin(0.2 * t)}, 1.0 + t % 2}; }

Vector WeightsOnTime(int steps) {
  Stream stream(MakeDesign(TargetMode::kWithObservation), Weights());
  for (int t = 1; t <= steps; ++t) {
    Observation observation = Step(t);
    if (t % 3 != 0) observation.target = TargetOf(t);
    stream.Observe(observation);
  }
  return stream.learner().weights();
}

TEST(ReferenceStream, DelayedTargetsGiveTheWeightsOfTargetsOnTime) {
  for (const int delay : {1, 4, 17}) {
    Stream stream(MakeDesign(TargetMode::kDelayed), Weights());
    for (int t = 1; t <= 40; ++t) {
      stream.Observe(Step(t));
      if (t <= delay) continue;
      if ((t - delay) % 3 != 0)
        stream.HoldTarget(t - delay, TargetOf(t - delay));
      else
        stream.CloseThrough(t - delay);
    }
    for (int t = 41 - delay; t <= 40; ++t) {
      if (t % 3 != 0) stream.HoldTarget(t, TargetOf(t));
    }
    stream.CloseThrough(40);
    stream.Settle();
    EXPECT_EQ(stream.learned(), 40);
    EXPECT_EQ(stream.learner().weights(), WeightsOnTime(40)) << "delay " << delay;
  }
}

TEST(ReferenceStream, TheLearnerTrailsByNoMoreThanItsStepsAllow) {
  Design design = MakeDesign(TargetMode::kDelayed);
  design.catch_up_steps = 2;
  Stream stream(design, Weights());
  for (int t = 1; t <= 10; ++t) stream.Observe(Step(t));
  for (int t = 1; t <= 10; ++t) stream.HoldTarget(t, TargetOf(t));
  EXPECT_EQ(stream.learned(), 0);
  stream.Observe(Step(11));
  EXPECT_EQ(stream.learned(), 2);
  stream.Settle();
  EXPECT_EQ(stream.learned(), 10);
  EXPECT_EQ(stream.applied(), 11);
}

TEST(ReferenceStream, TheNextInputIsTheTargetOfTheStepBefore) {
  Stream next(MakeDesign(TargetMode::kNextInput), Weights());
  Stream given(MakeDesign(TargetMode::kWithObservation), Weights());
  Input input(MakeDesign(TargetMode::kNextInput).input);
  std::vector<Vector> z;
  for (int t = 1; t <= 12; ++t) z.push_back(input.Step(*Step(t).x).z);
  for (int t = 1; t <= 12; ++t) {
    Observation observation = Step(t);
    observation.reset_before = false;
    next.Observe(observation);
    if (t < 12) {
      observation.target = Target{z[t], 1};
      given.Observe(observation);
    }
  }
  EXPECT_EQ(next.learned(), 11);
  EXPECT_EQ(next.learner().weights(), given.learner().weights());
}

TEST(ReferenceStream, FrozenStreamsKeepTheirWeights) {
  Stream stream(MakeDesign(TargetMode::kWithObservation), Weights());
  stream.SetFrozen(true);
  for (int t = 1; t <= 5; ++t) {
    Observation observation = Step(t);
    observation.target = TargetOf(t);
    stream.Observe(observation);
  }
  EXPECT_EQ(stream.learner().weights(), Weights());
  EXPECT_NE(stream.learner().hidden(), Vector(3));
}

}  // namespace
}  // namespace millrace::reference
