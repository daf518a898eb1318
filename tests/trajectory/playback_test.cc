// The playback against the engine's learner: the same parts in the same order, the same bits.
#include "tests/trajectory/playback.h"

#include <algorithm>
#include <string>
#include <vector>

#include "engine/learner.h"
#include "engine/random.h"
#include "gtest/gtest.h"

namespace millrace::trajectory {
namespace {

constexpr std::int64_t kSteps = 30;
constexpr std::int64_t kInputs = 3;
constexpr std::int64_t kOutputs = 2;

struct Choice {
  std::string cell, rule, optimizer, loss = "mean_squared_error", head = "linear";
};

engine::ModelSpec SpecOf(const Choice& choice) {
  engine::ModelSpec spec;
  spec.input = {"vector", {{"size", kInputs}, {"normalise", false}}};
  spec.cell = {choice.cell, {{"units", std::int64_t{5}}}};
  if (choice.cell == "vanilla") spec.cell.settings["leak"] = 0.6;
  spec.head = {choice.head, {{"outputs", kOutputs}}};
  if (choice.head == "mlp") spec.head.settings["hidden"] = std::int64_t{3};
  spec.loss = {choice.loss, {}};
  spec.rule = {choice.rule, {}};
  spec.optimizer = {choice.optimizer, {{"rate", 0.05}}};
  spec.guard = {"standard", {{"clip_norm", 0.0}, {"good_every", std::int64_t{0}}}};
  spec.number_type = engine::NumberType::kFloat64;
  absl::StatusOr<engine::ModelSpec> resolved = engine::Resolve(spec);
  EXPECT_TRUE(resolved.ok()) << resolved.status();
  return *resolved;
}

Recording MakeRecording(const Choice& choice) {
  Recording recording;
  recording.spec = SpecOf(choice);
  recording.steps = kSteps;
  recording.width = kInputs;
  recording.seed = 7;
  const engine::Network<double> network(recording.spec, kInputs);
  recording.theta.resize(static_cast<std::size_t>(network.layout().size()));
  network.Initialize(recording.seed, recording.theta.data());
  recording.state.resize(static_cast<std::size_t>(network.state_size()));
  recording.inputs.resize(static_cast<std::size_t>(kSteps * kInputs));
  engine::Random random(3, 0);
  random.FillNormal(1.0, kSteps * kInputs, recording.inputs.data());
  for (std::int64_t t = 0; t < kSteps; ++t) {
    RecordedTarget target;
    if (t % 7 != 6 && choice.loss == "cross_entropy") {
      target = {.kind = engine::TargetKind::kClass, .label = t % kOutputs};
    } else if (t % 7 != 6) {
      target = {.kind = engine::TargetKind::kValues, .values = {0.5, t % 2 == 0 ? 1.0 : 0.0}};
    }
    recording.targets.push_back(target);
  }
  return recording;
}

class PlaybackTest : public testing::TestWithParam<Choice> {};

TEST_P(PlaybackTest, EveryStepLeavesTheBitsOfTheEnginesLearner) {
  const Recording recording = MakeRecording(GetParam());
  Playback playback(recording);
  engine::Learner<double> learner(recording.spec, kInputs, recording.seed);
  learner.Initialize();
  ASSERT_EQ(playback.theta(), learner.weights());
  for (std::int64_t t = 0; t < kSteps; ++t) {
    const RecordedTarget& target = recording.targets[static_cast<std::size_t>(t)];
    engine::LearnerStep<double> step;
    step.seq = static_cast<std::uint64_t>(t) + 1;
    step.input.dense = recording.inputs.data() + t * kInputs;
    step.target = {.kind = target.kind, .values = target.values.data(), .label = target.label};
    learner.Step(step, {});
    const absl::StatusOr<PlayedStep> played = playback.Step(t);
    ASSERT_TRUE(played.ok()) << played.status();
    ASSERT_EQ(played->state, learner.hidden()) << "step " << t;
    ASSERT_EQ(playback.theta(), learner.weights()) << "step " << t;
  }
  EXPECT_FALSE(
      std::equal(recording.theta.begin(), recording.theta.end(), playback.theta().begin()));
}

INSTANTIATE_TEST_SUITE_P(
    Choices, PlaybackTest,
    testing::Values(Choice{"vanilla", "rtrl", "sgd"}, Choice{"vanilla", "rflo", "adam"},
                    Choice{"vanilla", "uoro", "sgd", "cross_entropy"},
                    Choice{"vanilla", "kf_rtrl", "rmsprop"},
                    Choice{"lstm", "tbptt", "adamw", "cross_entropy"},
                    Choice{"gru", "sparse_rtrl", "obgd"},
                    Choice{"lru", "rtrl", "adam", "mean_squared_error", "mlp"}));

TEST(PlaybackErrorTest, AStepThatOverflowsNamesItself) {
  Recording recording = MakeRecording({"vanilla", "rtrl", "sgd"});
  recording.targets[1].values = {1e300, 1e300};
  Playback playback(recording);
  ASSERT_TRUE(playback.Step(0).ok());
  const absl::StatusOr<PlayedStep> step = playback.Step(1);
  ASSERT_FALSE(step.ok());
  EXPECT_NE(step.status().message().find("the loss of step 1"), std::string::npos) << step.status();
}

}  // namespace
}  // namespace millrace::trajectory
