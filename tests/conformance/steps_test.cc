// Kinds of steps: without input, with channels missing, of bytes, with the next input as target,
// repeated, and only looked at.
#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "tests/conformance/played.h"

namespace millrace::conformance {
namespace {

using engine::ModelSpec;
using reference::Vector;

TEST(Steps, StepsWithoutInputKeepTheClock) {
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

TEST(Steps, AMissingChannelsWeightsWaitBitForBit) {
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
    played.player.Observe(20, kPlayedSteps, 0);
    const Vector after = played.Weights();
    const reference::Block input = played.Layout().Find("input");
    for (int i = 0; i < input.width; ++i) {
      EXPECT_EQ(after[input.Place(2, i)], before[input.Place(2, i)]);
      EXPECT_NE(after[input.Place(1, i)], before[input.Place(1, i)]);
    }
    EXPECT_GT(played.stream->Stats().missing_values[2], 10U);
  }
}

TEST(Steps, AnOutputNeverKnownKeepsItsWeights) {
  Played played(BaseSpec());
  for (ScriptStep& step : played.script.steps) {
    if (step.form == TargetForm::kValues) step.values = {0.5F, NAN, -0.5F};
  }
  const Vector before = played.Weights();
  played.player.Observe(0, kPlayedSteps, 0);
  const Vector after = played.Weights();
  const reference::Block readout = played.Layout().Find("readout");
  for (int i = 0; i < readout.rows; ++i) {
    EXPECT_EQ(after[readout.Place(i, 1)], before[readout.Place(i, 1)]);
    EXPECT_NE(after[readout.Place(i, 0)], before[readout.Place(i, 0)]);
  }
  const int bias = played.Layout().Find("readout_bias").Place(0, 1);
  EXPECT_EQ(after[bias], before[bias]);
}

TEST(Steps, OfBytesOnlyTheColumnsSeenMove) {
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
    const reference::Block input = played.Layout().Find("input");
    for (int i = 0; i < input.width; ++i) {
      for (int byte = 0; byte < 256; ++byte) {
        const bool seen = byte == 'a' || byte == 'b';
        EXPECT_EQ(after[input.Place(byte, i)] != before[input.Place(byte, i)], seen) << byte;
      }
    }
  }
}

TEST(Steps, NextInputIsWithObservationOnShiftedSeries) {
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

TEST(Steps, ARepeatedObservationIsSkippedAndChangesNothing) {
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

TEST(Steps, AnObservationAppliedInPartAppliesTheRest) {
  Played whole(BaseSpec());
  whole.player.Observe(0, 20, 1);
  Played parts(BaseSpec());
  parts.player.Observe(0, 8, 1);
  parts.player.Observe(5, 20, 1);
  EXPECT_EQ(DifferingTensors(parts.stream->Save(), whole.stream->Save()), "");
}

TEST(Steps, APeekIsTheNextPredictionAndChangesNothing) {
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

}  // namespace
}  // namespace millrace::conformance
