// What an operator or a client turns: freeze, reset, rates, steps that are skipped or only scored,
// bytes, and targets that are the next input.
#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "tests/conformance/correspondence.h"
#include "tests/conformance/playing.h"

namespace millrace::conformance {
namespace {

using engine::ModelSpec;
using reference::Vector;

constexpr int kSteps = 40;

// A stream with what is played on it.
struct Played {
  explicit Played(const ModelSpec& spec, std::uint64_t seed = 4)
      : model(MakeModel(spec)),
        stream(OpenStream(model)),
        script(MakeScript(*model, seed, kSteps)),
        player(&script, stream.get()) {}

  void Send(const engine::Event& event) {
    const absl::Status status = stream->Check(event);
    ASSERT_TRUE(status.ok()) << status;
    engine::Outcome outcome;
    stream->Apply(event, engine::Want{}, &outcome);
  }
  Vector Tensor(const std::string& name) const { return TensorValues(stream->Save(), name); }
  Vector Weights() const {
    const engine::Snapshot snapshot = stream->Save();
    return ToReference(DesignOf(*model, snapshot)->shape,
                       TensorValues(snapshot, "learner.weights"));
  }
  reference::Shape Shape() const { return DesignOf(*model, stream->Save())->shape; }

  std::shared_ptr<const engine::Model> model;
  std::unique_ptr<engine::Stream> stream;
  Script script;
  Player player;
};

// Places at which two weight vectors differ in any bit, by group.
std::array<int, reference::kGroups> Moved(const reference::Shape& shape, const Vector& a,
                                          const Vector& b) {
  std::array<int, reference::kGroups> moved{};
  for (int place = 0; place < shape.Size(); ++place) {
    if (a[place] != b[place]) ++moved[static_cast<std::size_t>(GroupOf(shape, place))];
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
  played.player.Observe(0, kSteps, 0);
  EXPECT_EQ(played.Tensor("learner.weights"), before);
  EXPECT_EQ(played.stream->Stats().updates, 0U);
}

TEST(Controls, AGroupOfRateZeroNeverMovesAndTheOthersDo) {
  const char* const kNames[] = {"rate_recurrent", "rate_input", "rate_bias", "rate_readout"};
  for (const Variant& optimizer : VariantsOf("optimizer")) {
    for (std::size_t group = 0; group < reference::kGroups; ++group) {
      ModelSpec spec = BaseSpec();
      spec.optimizer = optimizer.part;
      for (const char* const name : kNames) spec.optimizer.settings.erase(name);
      spec.optimizer.settings[kNames[group]] = 0.0;
      SCOPED_TRACE(optimizer.name + " " + kNames[group]);
      Played played(spec);
      const Vector before = played.Weights();
      played.player.Observe(0, kSteps, 0);
      const auto moved = Moved(played.Shape(), played.Weights(), before);
      for (std::size_t g = 0; g < moved.size(); ++g) EXPECT_EQ(moved[g] == 0, g == group);
    }
  }
}

TEST(Controls, SettingARateActsFromTheNextUpdateOn) {
  Played set(BaseSpec());
  set.player.Observe(0, 20, 0);
  set.Send(engine::Set{{{"optimizer.rate", 0.0}}});
  const Vector before = set.Tensor("learner.weights");
  set.player.Observe(20, kSteps, 0);
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
  player.Observe(0, kSteps, 0);
  given.player.Observe(0, kSteps, 0);
  EXPECT_EQ((*overridden)->LearnerDigest(), given.stream->LearnerDigest());
}

// Plays with a reset before step kSteps / 2, in band or as an event.
std::string DigestWithReset(const Combination& combination, bool in_band) {
  Played played(combination.spec);
  // The middle of a release, so that where targets are late the learner is behind.
  const int middle = 17;
  for (ScriptStep& step : played.script.steps) step.reset_before = false;
  played.script.steps[middle].reset_before = in_band;
  const bool late = TargetsAreLate(*played.model);
  played.player.Observe(0, middle, 0, !late);
  if (!in_band) played.Send(engine::Reset{});
  played.player.Observe(middle, kSteps, 0, !late);
  if (late) played.player.Release(0, kSteps);
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
    const double bias = weights[static_cast<std::size_t>(played.Shape().B(static_cast<int>(i)))];
    EXPECT_NEAR(hidden[i], 0.5 * std::tanh(bias), 1e-15);
  }
}

TEST(Controls, AStepOnlyScoredCountsAndTeachesNothing) {
  Played played(BaseSpec());
  for (ScriptStep& step : played.script.steps) step.score_only = true;
  const Vector before = played.Tensor("learner.weights");
  played.player.Observe(0, kSteps, 0);
  EXPECT_EQ(played.Tensor("learner.weights"), before);
  EXPECT_GT(played.stream->Stats().scored_units, 0U);
}

TEST(Controls, ATargetOfWeightZeroScoresOnly) {
  Played played(BaseSpec());
  for (ScriptStep& step : played.script.steps) step.weight = 0;
  const Vector before = played.Tensor("learner.weights");
  played.player.Observe(0, kSteps, 0);
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

TEST(Controls, StepsWithoutInputKeepTheClock) {
  Played played(BaseSpec());
  played.player.Observe(0, 10, 0);
  const Vector input_weights = played.Weights();
  engine::Observe skip;
  skip.first_seq = 11;
  skip.skip = 5;
  played.Send(skip);
  EXPECT_EQ(played.stream->applied_seq(), 15U);
  EXPECT_GE(played.stream->Stats().skipped_steps, 5U);
  EXPECT_EQ(played.Weights(), input_weights);
}

TEST(Controls, AMissingChannelsWeightsWaitBitForBit) {
  for (const Variant& optimizer : VariantsOf("optimizer")) {
    ModelSpec spec = BaseSpec();
    spec.input.settings["normalise"] = true;
    spec.input.settings["missing"] = std::string("allowed");
    spec.optimizer = optimizer.part;
    spec.optimizer.settings.erase("rate_input");
    spec.rule = {"snap1", {}};
    SCOPED_TRACE(optimizer.name);
    Played played(spec);
    played.player.Observe(0, 20, 0);
    const Vector before = played.Weights();
    for (ScriptStep& step : played.script.steps) {
      if (!step.skip) step.x[2] = std::numeric_limits<float>::quiet_NaN();
    }
    played.player.Observe(20, kSteps, 0);
    const Vector after = played.Weights();
    const reference::Shape shape = played.Shape();
    for (int i = 0; i < shape.units; ++i) {
      EXPECT_EQ(after[shape.U(i, 2)], before[shape.U(i, 2)]);
      EXPECT_NE(after[shape.U(i, 1)], before[shape.U(i, 1)]);
    }
    EXPECT_GT(played.stream->Stats().missing_values[2], 10U);
  }
}

TEST(Controls, AnOutputNeverKnownKeepsItsWeights) {
  Played played(BaseSpec());
  for (ScriptStep& step : played.script.steps) {
    if (step.form == TargetForm::kValues) step.values = {0.5F, NAN, -0.5F};
  }
  const Vector before = played.Weights();
  played.player.Observe(0, kSteps, 0);
  const Vector after = played.Weights();
  const reference::Shape shape = played.Shape();
  for (int i = 0; i < shape.units; ++i) {
    EXPECT_EQ(after[shape.V(1, i)], before[shape.V(1, i)]);
    EXPECT_NE(after[shape.V(0, i)], before[shape.V(0, i)]);
  }
  EXPECT_EQ(after[shape.C(1)], before[shape.C(1)]);
}

TEST(Controls, OfBytesOnlyTheColumnsSeenMove) {
  for (const char* const optimizer : {"rmsprop", "sgd"}) {
    ModelSpec spec = BaseSpec();
    spec.input = {"bytes", {}};
    spec.loss = {"cross_entropy", {}};
    spec.optimizer = {optimizer, {{"rate", 0.01}}};
    Played played(spec);
    const Vector before = played.Weights();
    const std::vector<std::uint8_t> bytes{'a', 'b', 'a'};
    const std::vector<std::int32_t> classes{0, 1, 2};
    engine::Observe observe;
    observe.first_seq = 1;
    observe.raw_bytes = bytes;
    observe.targets = engine::TargetBlock{};
    observe.targets->classes = classes;
    played.Send(observe);
    const Vector after = played.Weights();
    const reference::Shape shape = played.Shape();
    for (int i = 0; i < shape.units; ++i) {
      for (int byte = 0; byte < 256; ++byte) {
        const bool seen = byte == 'a' || byte == 'b';
        EXPECT_EQ(after[shape.U(i, byte)] != before[shape.U(i, byte)], seen) << byte;
      }
    }
  }
}

TEST(Controls, NextInputIsWithObservationOnShiftedSeries) {
  ModelSpec next = BaseSpec();
  next.input.settings["normalise"] = false;
  next.head.settings["outputs"] = std::int64_t{4};
  ModelSpec given = next;
  next.target = {"next_input", {}};
  Played predicting(next);
  Played told(given);
  const int steps = 20;
  for (int t = 0; t < steps; ++t) {
    for (Script* const script : {&predicting.script, &told.script}) {
      ScriptStep& step = script->steps[static_cast<std::size_t>(t)];
      step = ScriptStep{};
      for (int c = 0; c < 4; ++c) step.x.push_back(static_cast<float>(std::sin(0.3 * t + c)));
    }
  }
  for (int t = 0; t + 1 < steps; ++t) {
    ScriptStep& step = told.script.steps[static_cast<std::size_t>(t)];
    step.form = TargetForm::kValues;
    step.values = told.script.steps[static_cast<std::size_t>(t) + 1].x;
  }
  predicting.player.Observe(0, steps, 0);
  told.player.Observe(0, steps - 1, 0);
  EXPECT_EQ(predicting.stream->learned_seq(), static_cast<std::uint64_t>(steps) - 1);
  EXPECT_EQ(predicting.Tensor("learner.weights"), told.Tensor("learner.weights"));
  EXPECT_EQ(predicting.Tensor("learner.hidden"), told.Tensor("learner.hidden"));
}

TEST(Controls, ARepeatedObservationIsSkippedAndChangesNothing) {
  Played played(BaseSpec());
  played.player.Observe(0, 20, 0);
  const std::string before = played.stream->Digest();
  const std::vector<float> x(4 * 3, 0.5F);
  engine::Observe repeat;
  repeat.first_seq = 18;
  repeat.floats = x;
  EXPECT_TRUE(played.stream->Check(repeat).ok());
  EXPECT_FALSE(played.stream->Changes(repeat));
  engine::Outcome outcome;
  played.stream->Apply(repeat, engine::Want{}, &outcome);
  EXPECT_EQ(outcome.skipped, 3U);
  EXPECT_EQ(outcome.steps, 0U);
  EXPECT_EQ(played.stream->Digest(), before);
}

TEST(Controls, AnObservationAppliedInPartAppliesTheRest) {
  Played whole(BaseSpec());
  whole.player.Observe(0, 20, 1);
  Played parts(BaseSpec());
  parts.player.Observe(0, 8, 1);
  parts.player.Observe(5, 20, 1);
  EXPECT_EQ(DifferingTensors(parts.stream->Save(), whole.stream->Save()), "");
}

TEST(Controls, APeekIsTheNextPredictionAndChangesNothing) {
  for (const Combination& combination : Combinations()) {
    SCOPED_TRACE(combination.name);
    Played played(combination.spec);
    PlayOnStream(*played.model, 0, 14, 0, &played.player);
    if (TargetsAreLate(*played.model)) played.Send(engine::Settle{});
    ScriptStep& next = played.script.steps[14];
    next.reset_before = false;
    engine::Peek peek;
    peek.floats = next.x;
    if (played.script.bytes && !next.skip) peek.raw_bytes = absl::MakeConstSpan(&next.byte, 1);
    const std::string before = played.stream->Digest();
    engine::Outcome outcome;
    const absl::Status status = played.stream->PeekStep(peek, &outcome);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(played.stream->Digest(), before);
    EXPECT_EQ(outcome.first_seq, 15U);
    // With the next input as target, a step is learned from before the next prediction.
    if (combination.spec.target.name == "next_input") continue;
    const std::size_t served = played.player.outputs().size();
    played.player.Observe(14, 15, 0, false);
    EXPECT_EQ(outcome.outputs, std::vector<float>(played.player.outputs().begin() +
                                                      static_cast<std::ptrdiff_t>(served),
                                                  played.player.outputs().end()));
  }
}

TEST(Controls, AStepsRelativeChangeStaysWithinItsBound) {
  ModelSpec spec = BaseSpec();
  spec.optimizer = {"sgd", {{"rate", 1.0}}};
  spec.guard = {"standard", {{"clip_norm", 0.0}, {"max_step_change", 0.01}}};
  Played played(spec);
  bool reached = false;
  for (int t = 0; t < kSteps; ++t) {
    const Vector before = played.Weights();
    played.player.Observe(t, t + 1, 1);
    const Vector after = played.Weights();
    std::array<double, reference::kGroups> change{}, size{};
    for (std::size_t i = 0; i < before.size(); ++i) {
      const auto g = static_cast<std::size_t>(GroupOf(played.Shape(), static_cast<int>(i)));
      change[g] += (after[i] - before[i]) * (after[i] - before[i]);
      size[g] += before[i] * before[i];
    }
    for (const std::size_t g : {0UL, 3UL}) {
      EXPECT_LT(std::sqrt(change[g] / size[g]), 0.01 * (1 + 1e-9));
      reached = reached || std::sqrt(change[g] / size[g]) > 0.0099;
    }
  }
  EXPECT_TRUE(reached) << "the bound was never reached, so nothing was shown";
}

}  // namespace
}  // namespace millrace::conformance
