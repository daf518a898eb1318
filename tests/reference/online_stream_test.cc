// The reference's stream: late targets change nothing but the time of learning.
#include "tests/reference/online_stream.h"

#include <cmath>

#include "gtest/gtest.h"
#include "tests/reference/drawing.h"

namespace millrace::reference {
namespace {

Specification MakeSpecification(TargetMode mode) {
  Specification specification =
      SmallSpecification(MakePart("vanilla", {{"units", 3}, {"leak", 0.5}}), MakePart("snap1"));
  specification.input.size = 2;
  specification.input.normalise = true;
  specification.head.numbers["filter_1"] = 4;
  specification.optimizer = MakePart("rmsprop");
  specification.clip_norm = 1;
  specification.target = mode;
  return specification;
}

Vector Weights() { return SmallWeights(MakeSpecification(TargetMode::kDelayed)); }

Observation Step(int t) {
  Observation observation;
  observation.x = Vector{std::cos(0.3 * t), std::sin(0.7 * t)};
  observation.reset_before = t % 11 == 5;
  return observation;
}

Target TargetOf(int t) { return Target{{std::cos(0.3 * t + 1), std::sin(0.2 * t)}, 1.0 + t % 2}; }

Vector WeightsOnTime(int steps) {
  OnlineStream stream(MakeSpecification(TargetMode::kWithObservation), Weights());
  for (int t = 1; t <= steps; ++t) {
    Observation observation = Step(t);
    if (t % 3 != 0) observation.target = TargetOf(t);
    stream.Observe(observation);
  }
  return stream.learner().weights();
}

TEST(ReferenceOnlineStream, DelayedTargetsGiveTheWeightsOfTargetsOnTime) {
  for (const int delay : {1, 4, 17}) {
    OnlineStream stream(MakeSpecification(TargetMode::kDelayed), Weights());
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

TEST(ReferenceOnlineStream, TheLearnerTrailsByNoMoreThanItsStepsAllow) {
  Specification specification = MakeSpecification(TargetMode::kDelayed);
  specification.catch_up_steps = 2;
  OnlineStream stream(specification, Weights());
  for (int t = 1; t <= 10; ++t) stream.Observe(Step(t));
  for (int t = 1; t <= 10; ++t) stream.HoldTarget(t, TargetOf(t));
  EXPECT_EQ(stream.learned(), 0);
  stream.Observe(Step(11));
  EXPECT_EQ(stream.learned(), 2);
  stream.Settle();
  EXPECT_EQ(stream.learned(), 10);
  EXPECT_EQ(stream.applied(), 11);
}

TEST(ReferenceOnlineStream, APredictorThatIsCaughtUpGoesOnFromTheLearnersState) {
  OnlineStream on_time(MakeSpecification(TargetMode::kWithObservation), Weights());
  OnlineStream late(MakeSpecification(TargetMode::kDelayed), Weights());
  for (int t = 6; t <= 10; ++t) {
    Observation observation = Step(t);
    late.Observe(observation);
    observation.target = TargetOf(t);
    on_time.Observe(observation);
  }
  EXPECT_NE(late.state(), on_time.state());
  for (int t = 6; t <= 10; ++t) late.HoldTarget(t - 5, TargetOf(t));
  late.Settle();
  EXPECT_EQ(late.Observe(Step(11)), on_time.Observe(Step(11)));
  EXPECT_EQ(late.state(), on_time.state());
}

TEST(ReferenceOnlineStream, TheNextInputIsTheTargetOfTheStepBefore) {
  OnlineStream next(MakeSpecification(TargetMode::kNextInput), Weights());
  OnlineStream given(MakeSpecification(TargetMode::kWithObservation), Weights());
  Input input(MakeSpecification(TargetMode::kNextInput).input);
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

TEST(ReferenceOnlineStream, FrozenStreamsKeepTheirWeights) {
  OnlineStream stream(MakeSpecification(TargetMode::kWithObservation), Weights());
  stream.SetFrozen(true);
  for (int t = 1; t <= 5; ++t) {
    Observation observation = Step(t);
    observation.target = TargetOf(t);
    stream.Observe(observation);
  }
  EXPECT_EQ(stream.learner().weights(), Weights());
  EXPECT_NE(stream.learner().state(), Vector(3 + 2));
}

}  // namespace
}  // namespace millrace::reference
