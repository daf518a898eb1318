// What an operator or a client turns: freeze, reset, rates, bounds, steps that are only scored.
#include <cmath>
#include <map>
#include <set>

#include "gtest/gtest.h"
#include "tests/conformance/played.h"

namespace millrace::conformance {
namespace {

using engine::ModelSpec;
using reference::Vector;

// Groups of a layout in which two weight vectors differ in any bit.
std::set<std::string> Moved(const reference::Layout& layout, const Vector& a, const Vector& b) {
  std::set<std::string> moved;
  for (int place = 0; place < layout.Size(); ++place) {
    if (a[static_cast<std::size_t>(place)] != b[static_cast<std::size_t>(place)]) {
      moved.insert(layout.GroupOf(place));
    }
  }
  return moved;
}

TEST(Controls, AFrozenStreamGoesOnPredictingAndMovesNoWeight) {
  for (const Combination& combination : Combinations()) {
    SCOPED_TRACE(combination.name);
    Played played(combination.spec);
    PlayOnStream(*played.model, 0, 14, 0, &played.player);
    played.Send(engine::Settle{});
    played.Send(engine::Freeze{});
    EXPECT_TRUE(played.stream->frozen());
    const engine::Snapshot before = played.stream->Save();
    PlayOnStream(*played.model, 14, 28, 0, &played.player);
    played.Send(engine::Settle{});
    const engine::Snapshot after = played.stream->Save();
    for (const char* const name : {"learner.weights", "learner.slot1", "learner.slot2"}) {
      EXPECT_EQ(TensorValues(after, name), TensorValues(before, name)) << name;
    }
    EXPECT_NE(TensorValues(after, "learner.hidden"), TensorValues(before, "learner.hidden"));
    played.Send(engine::Unfreeze{});
    PlayOnStream(*played.model, 28, 40, 0, &played.player);
    if (combination.spec.rule.name != "frozen") {
      EXPECT_NE(played.Tensor("learner.weights"), TensorValues(before, "learner.weights"));
    }
  }
}

TEST(Controls, TheFrozenRuleNeverMovesWeights) {
  ModelSpec spec = BaseSpec();
  spec.rule = {"frozen", {}};
  Played played(spec);
  const Vector before = played.Tensor("learner.weights");
  played.player.Observe(0, kPlayedSteps, 0);
  EXPECT_EQ(played.Tensor("learner.weights"), before);
  EXPECT_EQ(played.stream->Stats().updates, 0U);
}

TEST(Controls, AGroupOfRateZeroNeverMovesAndTheOthersDo) {
  const std::vector<std::string> groups = {"recurrent", "input",   "bias",
                                           "dynamics",  "readout", "direct"};
  for (const Variant& optimizer : VariantsOf("optimizer")) {
    for (const std::string& group : groups) {
      ModelSpec spec = BaseSpec();
      spec.cell = {"ctrnn", {{"units", std::int64_t{6}}}};
      spec.head.settings["direct"] = true;
      spec.optimizer = optimizer.part;
      for (const std::string& name : groups) spec.optimizer.settings.erase("rate_" + name);
      spec.optimizer.settings["rate_" + group] = 0.0;
      SCOPED_TRACE(optimizer.name + " " + group);
      Played played(spec);
      const Vector before = played.Weights();
      played.player.Observe(0, kPlayedSteps, 0);
      const std::set<std::string> moved = Moved(played.Layout(), played.Weights(), before);
      for (const std::string& name : groups) EXPECT_EQ(moved.count(name) == 0, name == group);
    }
  }
}

TEST(Controls, SettingARateActsFromTheNextUpdateOn) {
  Played set(BaseSpec());
  set.player.Observe(0, 20, 0);
  set.Send(engine::Set{{{"optimizer.rate", 0.0}}});
  const Vector before = set.Tensor("learner.weights");
  set.player.Observe(20, kPlayedSteps, 0);
  EXPECT_EQ(set.Tensor("learner.weights"), before);
  ASSERT_EQ(set.stream->Overrides().size(), 1U);
  EXPECT_EQ(set.stream->Overrides()[0].name, "optimizer.rate");
}

TEST(Controls, OverridesAtOpenAreTheModelWithThem) {
  ModelSpec spec = BaseSpec();
  const std::shared_ptr<const engine::Model> model = MakeModel(spec);
  engine::StreamOptions options;
  options.seed = kSeed;
  options.overrides = {{"optimizer.rate", 0.05}, {"guard.clip_norm", 0.2}};
  absl::StatusOr<std::unique_ptr<engine::Stream>> overridden =
      engine::Stream::Open(model, "a", options);
  ASSERT_TRUE(overridden.ok()) << overridden.status();
  spec.optimizer.settings["rate"] = 0.05;
  spec.guard = {"standard", {{"clip_norm", 0.2}}};
  Played given(spec);
  Player player(&given.script, overridden->get());
  player.Observe(0, kPlayedSteps, 0);
  given.player.Observe(0, kPlayedSteps, 0);
  EXPECT_EQ((*overridden)->LearnerDigest(), given.stream->LearnerDigest());
}

// Plays with a reset before step kPlayedSteps / 2, in band or as an event.
std::string DigestWithReset(const Combination& combination, bool in_band) {
  Played played(combination.spec);
  // The middle of a release, so that where targets are late the learner is behind.
  const int middle = 17;
  for (ScriptStep& step : played.script.steps) step.reset_before = false;
  played.script.steps[middle].reset_before = in_band;
  const bool late = TargetsAreLate(*played.model);
  played.player.Observe(0, middle, 0, !late);
  if (!in_band) played.Send(engine::Reset{});
  played.player.Observe(middle, kPlayedSteps, 0, !late);
  if (late) played.player.Release(0, kPlayedSteps);
  played.Send(engine::Settle{});
  EXPECT_EQ(played.stream->Stats().resets, 1U);
  return played.stream->LearnerDigest();
}

TEST(Controls, AResetInBandIsAResetAsAnEvent) {
  for (const Combination& combination : Combinations()) {
    SCOPED_TRACE(combination.name);
    EXPECT_EQ(DigestWithReset(combination, true), DigestWithReset(combination, false));
  }
}

TEST(Controls, AResetKeepsWeightsSlotsAndNormaliser) {
  ModelSpec spec = BaseSpec();
  spec.input.settings["normalise"] = true;
  spec.rule = {"snap1", {}};
  Played played(spec);
  played.player.Observe(0, 20, 0);
  const engine::Snapshot before = played.stream->Save();
  played.Send(engine::Reset{});
  // One step that is not learned from, so that the reset has reached the learner.
  ScriptStep nothing;
  nothing.skip = true;
  played.script.steps[20] = nothing;
  played.player.Observe(20, 21, 0);
  const engine::Snapshot after = played.stream->Save();
  for (const char* const name : {"learner.weights", "learner.slot2", "input.mean"}) {
    EXPECT_EQ(TensorValues(after, name), TensorValues(before, name)) << name;
  }
  // h = al tanh(b): only the bias is seen from zero.
  const Vector weights = played.Weights();
  const Vector hidden = TensorValues(after, "learner.hidden");
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    const int place = played.Layout().Find("bias").Place(0, static_cast<int>(i));
    const double bias = weights[static_cast<std::size_t>(place)];
    EXPECT_NEAR(hidden[i], 0.5 * std::tanh(bias), 1e-15);
  }
}

TEST(Controls, AStepOnlyScoredCountsAndTeachesNothing) {
  Played played(BaseSpec());
  for (ScriptStep& step : played.script.steps) step.score_only = true;
  const Vector before = played.Tensor("learner.weights");
  played.player.Observe(0, kPlayedSteps, 0);
  EXPECT_EQ(played.Tensor("learner.weights"), before);
  EXPECT_GT(played.stream->Stats().scored_units, 0U);
}

TEST(Controls, ATargetOfWeightZeroScoresOnly) {
  Played played(BaseSpec());
  for (ScriptStep& step : played.script.steps) step.weight = 0;
  const Vector before = played.Tensor("learner.weights");
  played.player.Observe(0, kPlayedSteps, 0);
  EXPECT_EQ(played.Tensor("learner.weights"), before);
  EXPECT_GT(played.stream->Stats().scored_units, 0U);
}

TEST(Controls, AnInferredTargetTeachesAndIsNotScored) {
  ModelSpec spec = BaseSpec();
  Played played(spec);
  const Vector before = played.Tensor("learner.weights");
  const std::vector<float> x(4, 0.5F);
  const std::vector<float> y{1, 2, 3};
  engine::Observe observe;
  observe.first_seq = 1;
  observe.floats = x;
  observe.targets = engine::TargetBlock{};
  observe.targets->values = y;
  observe.targets->source = engine::TargetSource::kInferred;
  played.Send(observe);
  EXPECT_NE(played.Tensor("learner.weights"), before);
  EXPECT_EQ(played.stream->Stats().scored_units, 0U);
  EXPECT_EQ(played.stream->Stats().inferred_targets, 1U);
}

TEST(Controls, AStepsRelativeChangeStaysWithinItsBound) {
  ModelSpec spec = BaseSpec();
  spec.optimizer = {"sgd", {{"rate", 1.0}}};
  spec.guard = {"standard", {{"clip_norm", 0.0}, {"max_step_change", 0.01}}};
  Played played(spec);
  bool reached = false;
  for (int t = 0; t < kPlayedSteps; ++t) {
    const Vector before = played.Weights();
    played.player.Observe(t, t + 1, 1);
    const Vector after = played.Weights();
    std::map<std::string, double> change, size;
    for (std::size_t i = 0; i < before.size(); ++i) {
      const std::string& g = played.Layout().GroupOf(static_cast<int>(i));
      change[g] += (after[i] - before[i]) * (after[i] - before[i]);
      size[g] += before[i] * before[i];
    }
    for (const char* const g : {"recurrent", "readout"}) {
      EXPECT_LT(std::sqrt(change[g] / size[g]), 0.01 * (1 + 1e-9));
      reached = reached || std::sqrt(change[g] / size[g]) > 0.0099;
    }
  }
  EXPECT_TRUE(reached) << "the bound was never reached, so nothing was shown";
}

}  // namespace
}  // namespace millrace::conformance
