// Targets that come late teach the same, whatever the delay: the learner's digest after Settle is
// that of targets on time, bit for bit.
#include <algorithm>
#include <set>

#include "gtest/gtest.h"
#include "tests/conformance/playing.h"
#include "tests/support/numbers.h"

namespace millrace::conformance {
namespace {

using testing_support::Numbers;

constexpr int kSteps = 150;

engine::ModelSpec Delayed(engine::ModelSpec spec, std::int64_t catch_up_steps = 3) {
  spec.target = {"delayed", {{"window", std::int64_t{200}}, {"catch_up_steps", catch_up_steps}}};
  return spec;
}

// Where all have come: the learner's digest, and that it went through every step.
std::string SettledDigest(Player* player, const engine::Stream& stream) {
  player->Settle();
  EXPECT_EQ(stream.learned_seq(), stream.applied_seq());
  EXPECT_EQ(stream.learned_seq(), static_cast<std::uint64_t>(kSteps));
  return stream.LearnerDigest();
}

class DelayedTargets {
 public:
  DelayedTargets(const engine::ModelSpec& spec, std::uint64_t seed)
      : model_(MakeModel(spec)),
        stream_(OpenStream(model_)),
        script_(MakeScript(*model_, seed, kSteps)),
        player_(&script_, stream_.get()) {}

  std::string OnTime() {
    player_.Observe(0, kSteps, 0);
    // Steps without a target are open until they are declared to have none.
    if (TargetsAreLate(*model_)) player_.ReleaseNothing(kSteps);
    return SettledDigest(&player_, *stream_);
  }

  // Each target `delay` steps after its observation.
  std::string AfterSteps(int delay) {
    for (int t = 0; t < kSteps; ++t) {
      player_.Observe(t, t + 1, 1, false);
      if (t >= delay) player_.Release(t - delay, t - delay + 1);
    }
    player_.Release(kSteps - delay, kSteps);
    return SettledDigest(&player_, *stream_);
  }

  // All targets of a trial when it has ended.
  std::string AtTrialEnds(const std::vector<int>& ends) {
    int start = 0;
    for (const int end : ends) {
      player_.Observe(start, end, 5, false);
      player_.Release(start, end);
      start = end;
    }
    return SettledDigest(&player_, *stream_);
  }

  // Some with the observation, the others out of order within a while, and a Settle now and then.
  std::string Mixed(std::uint64_t seed) {
    Numbers numbers(seed);
    std::vector<int> late;
    for (int t = 0; t < kSteps; ++t) {
      const bool on_time = HasTarget(t) && numbers.Chance(0.4);
      player_.Observe(t, t + 1, 1, on_time);
      if (!on_time) late.push_back(t);
      if (numbers.Chance(0.1)) player_.Settle();
      while (late.size() > 12 || (!late.empty() && t == kSteps - 1)) {
        ReleaseOne(&late, &numbers);
      }
    }
    player_.ReleaseNothing(kSteps);
    return SettledDigest(&player_, *stream_);
  }

 private:
  bool HasTarget(int t) const {
    return script_.steps[static_cast<std::size_t>(t)].form != TargetForm::kNone;
  }

  void ReleaseOne(std::vector<int>* late, Numbers* numbers) {
    const int which = numbers->Index(static_cast<int>(late->size()));
    const int t = (*late)[static_cast<std::size_t>(which)];
    late->erase(late->begin() + which);
    if (HasTarget(t)) player_.ReleaseTarget(t);
    // Those before the oldest that is still to come will get none.
    if (!late->empty() && late->front() > 0) player_.ReleaseNothing(late->front());
  }

  std::shared_ptr<const engine::Model> model_;
  std::unique_ptr<engine::Stream> stream_;
  Script script_;
  Player player_;
};

// The combinations, with targets of the observation and late ones; next-input models have none.
std::vector<Combination> Teachable() {
  std::vector<Combination> teachable;
  for (const Combination& combination : Combinations()) {
    if (combination.spec.target.name != "next_input") teachable.push_back(combination);
  }
  return teachable;
}

TEST(DelayedTargets, EveryCombinationLearnsTheSameWhateverTheDelay) {
  for (const Combination& combination : Teachable()) {
    SCOPED_TRACE(combination.name);
    engine::ModelSpec on_time = combination.spec;
    on_time.target = {"with_observation", {}};
    const std::string expected = DelayedTargets(on_time, 3).OnTime();
    const engine::ModelSpec delayed = Delayed(combination.spec);
    EXPECT_EQ(DelayedTargets(delayed, 3).OnTime(), expected);
    for (const int delay : {1, 3, 20}) {
      EXPECT_EQ(DelayedTargets(delayed, 3).AfterSteps(delay), expected) << "delay " << delay;
    }
    EXPECT_EQ(DelayedTargets(delayed, 3).AtTrialEnds({9, 10, 60, 61, 130, kSteps}), expected);
    EXPECT_EQ(DelayedTargets(delayed, 3).Mixed(1), expected);
    EXPECT_EQ(DelayedTargets(delayed, 3).Mixed(2), expected);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(DelayedTargets, HowManyStepsTheLearnerCatchesUpAtATimeChangesNothing) {
  engine::ModelSpec spec = BaseSpec();
  const std::string expected = DelayedTargets(spec, 3).OnTime();
  for (const std::int64_t catch_up_steps : {1, 2, 8, 200}) {
    EXPECT_EQ(DelayedTargets(Delayed(spec, catch_up_steps), 3).AfterSteps(17), expected)
        << catch_up_steps << " steps";
  }
}

TEST(DelayedTargets, AnotherTargetGivesAnotherDigest) {
  EXPECT_NE(DelayedTargets(Delayed(BaseSpec()), 3).AfterSteps(3),
            DelayedTargets(Delayed(BaseSpec()), 4).AfterSteps(3));
}

TEST(DelayedTargets, TheLearnerTrailsAndNeverRunsMoreThanItsStepsAtOneObservation) {
  const std::shared_ptr<const engine::Model> model = MakeModel(Delayed(BaseSpec(), 3));
  const std::unique_ptr<engine::Stream> stream = OpenStream(model);
  Script script = MakeScript(*model, 3, 30);
  Player player(&script, stream.get());
  player.Observe(0, 20, 0, false);
  EXPECT_EQ(stream->learned_seq(), 0U);
  EXPECT_EQ(stream->Stats().trailing_steps, 20U);
  player.Release(0, 20);
  EXPECT_EQ(stream->learned_seq(), 0U) << "a release computes nothing";
  for (std::uint64_t step = 1; step <= 4; ++step) {
    player.Observe(19 + static_cast<int>(step), 20 + static_cast<int>(step), 1, false);
    EXPECT_EQ(stream->learned_seq(), 3 * step);
  }
  player.Settle();
  EXPECT_EQ(stream->learned_seq(), 20U);
  EXPECT_EQ(stream->applied_seq(), 24U);
}

TEST(DelayedTargets, AFullWindowMayCloseItsOldestStep) {
  engine::ModelSpec spec = Delayed(BaseSpec());
  spec.target.settings["window"] = std::int64_t{5};
  spec.target.settings["when_full"] = std::string("close_oldest");
  const std::shared_ptr<const engine::Model> model = MakeModel(spec);
  const std::unique_ptr<engine::Stream> stream = OpenStream(model);
  const Script script = MakeScript(*model, 3, 12);
  Player player(&script, stream.get());
  player.Observe(0, 12, 1, false);
  EXPECT_EQ(stream->learned_seq(), 7U);
  EXPECT_EQ(stream->Stats().untargeted_steps, 7U);
  EXPECT_EQ(stream->Stats().open_steps, 5U);
}

}  // namespace
}  // namespace millrace::conformance
