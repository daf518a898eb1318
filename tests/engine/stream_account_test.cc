// What a stream tells of itself to who watches it: memory by kind, targets that taught nothing, and
// when its learner works.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/stream.h"

namespace millrace::engine {
namespace {

std::unique_ptr<Stream> OpenStream(const std::string& rule) {
  ModelSpec spec;
  spec.input = {"vector", {{"size", std::int64_t{3}}}};
  spec.cell = {"vanilla", {{"units", std::int64_t{8}}}};
  spec.head = {"linear", {{"outputs", std::int64_t{2}}}};
  spec.loss = {"mean_squared_error", {}};
  spec.rule = {rule, {}};
  spec.optimizer = {"adam", {}};
  const auto model = Model::Create("model", spec);
  EXPECT_TRUE(model.ok()) << model.status();
  return Stream::Open(*model, "stream", {.seed = 5, .overrides = {}}).value();
}

void Apply(Stream* stream, const Event& event) {
  ASSERT_TRUE(stream->Check(event).ok()) << stream->Check(event);
  Outcome outcome;
  stream->Apply(event, {}, &outcome);
}

// One step, with a target unless there is none.
void Step(Stream* stream, bool with_target, const std::vector<std::uint32_t>& score_only = {}) {
  const std::vector<float> x = {0.5f, -0.25f, 1}, y = {0.125f, 0.75f};
  Observe step{.first_seq = stream->applied_seq() + 1, .floats = x};
  if (with_target) step.targets = TargetBlock{.steps = 1, .values = y};
  step.score_only = score_only;
  Apply(stream, step);
}

std::int64_t Sum(const StreamBytes& bytes) {
  return bytes.weights + bytes.optimizer + bytes.sensitivities + bytes.contexts + bytes.shadow +
         bytes.good_copy + bytes.window + bytes.other;
}

TEST(StreamAccountTest, BytesByKindAddUpAndFollowWhatIsKept) {
  const auto stream = OpenStream("rtrl");
  const std::int64_t p = stream->Layout().size();
  const StreamBytes bytes = stream->BytesByKind();
  EXPECT_EQ(Sum(bytes), stream->ResidentBytes());
  EXPECT_EQ(bytes.weights, 4 * p);
  EXPECT_EQ(bytes.optimizer, 8 * p) << "two slots of Adam";
  EXPECT_EQ(bytes.sensitivities, 4 * 8 * (8 * 3 + 8 * 8 + 8)) << "n of each parameter of the cell";
  EXPECT_EQ(bytes.shadow, 0);
  EXPECT_GT(bytes.other, 0);
  Apply(stream.get(), TakeShadow{});
  EXPECT_GE(stream->BytesByKind().shadow, 4 * p);
  EXPECT_EQ(Sum(stream->BytesByKind()), stream->ResidentBytes());
}

TEST(StreamAccountTest, TargetsThatTaughtNothingAreCountedOnceTheLearnerHasPassedThem) {
  const auto stream = OpenStream("immediate");
  Step(stream.get(), true);
  EXPECT_EQ(stream->Stats().unlearned_targets, 0u);
  Step(stream.get(), true, {0});
  EXPECT_EQ(stream->Stats().unlearned_targets, 1u) << "scored only";
  Apply(stream.get(), Freeze{});
  Step(stream.get(), true);
  Step(stream.get(), false);
  const StreamStats stats = stream->Stats();
  EXPECT_EQ(stats.unlearned_targets, 2u) << "frozen";
  EXPECT_EQ(stats.untargeted_steps, 1u);
  EXPECT_EQ(stats.updates, 1u);
}

// Counts its calls.
struct Counting final : LearnerTimer {
  void Begin() override { ++begun; }
  void End() override { ++ended; }
  int begun = 0, ended = 0;
};

TEST(StreamAccountTest, ATimerHearsOfEveryStepOfTheLearnerWhileItListens) {
  const auto stream = OpenStream("immediate");
  Counting counting;
  Step(stream.get(), true);
  stream->TimeLearner(&counting);
  Step(stream.get(), true);
  Step(stream.get(), false);
  stream->TimeLearner(nullptr);
  Step(stream.get(), true);
  EXPECT_EQ(counting.begun, 2);
  EXPECT_EQ(counting.ended, 2);
}

}  // namespace
}  // namespace millrace::engine
