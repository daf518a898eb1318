// Divergence is an expected event of one stream: the update is refused and counted, weights stay or
// come back from a good copy, a second one freezes, and other streams do not notice.
#include <cmath>
#include <limits>

#include "engine/workers.h"
#include "gtest/gtest.h"
#include "tests/conformance/correspondence.h"
#include "tests/conformance/playing.h"

namespace millrace::conformance {
namespace {

using engine::ModelSpec;
using reference::Vector;

// float32, two outputs: a target of the largest float makes the gradient infinite.
ModelSpec Spec(const std::string& policy, std::int64_t freeze_within) {
  ModelSpec spec = BaseSpec();
  spec.number_type = engine::NumberType::kFloat32;
  spec.head.settings["outputs"] = std::int64_t{1};
  spec.rule = {"snap1", {}};
  spec.guard = {"standard",
                {{"on_divergence", policy},
                 {"good_every", std::int64_t{10}},
                 {"freeze_within", freeze_within}}};
  return spec;
}

class Diverging {
 public:
  explicit Diverging(const ModelSpec& spec)
      : model_(MakeModel(spec)), stream_(OpenStream(model_)) {}

  // One step with a target.
  void Step(float target) {
    const auto t = static_cast<double>(stream_->applied_seq());
    std::vector<float> x;
    for (int c = 0; c < 4; ++c) x.push_back(static_cast<float>(std::sin(0.4 * t + c)));
    engine::Observe observe;
    observe.first_seq = stream_->applied_seq() + 1;
    observe.floats = x;
    observe.targets = engine::TargetBlock{};
    observe.targets->values = absl::MakeConstSpan(&target, 1);
    const absl::Status status = stream_->Check(observe);
    ASSERT_TRUE(status.ok()) << status;
    engine::Outcome outcome;
    stream_->Apply(observe, engine::Want{}, &outcome);
    for (const float output : outcome.outputs) EXPECT_TRUE(std::isfinite(output));
  }
  void Steps(int count) {
    for (int i = 0; i < count; ++i) Step(0.3F * static_cast<float>(i % 5) - 0.5F);
  }
  void Diverge() { Step(std::numeric_limits<float>::max()); }

  Vector Weights() const { return TensorValues(stream_->Save(), "learner.weights"); }
  Vector Tensor(const std::string& name) const { return TensorValues(stream_->Save(), name); }
  engine::Stream& stream() { return *stream_; }

 private:
  std::shared_ptr<const engine::Model> model_;
  std::unique_ptr<engine::Stream> stream_;
};

bool AllFinite(const engine::Snapshot& snapshot) {
  for (const char* const name :
       {"learner.weights", "learner.slot2", "learner.hidden", "learner.rule"}) {
    for (const double value : TensorValues(snapshot, name)) {
      if (!std::isfinite(value)) return false;
    }
  }
  return true;
}

TEST(Divergence, UnderSkipTheUpdateIsRefusedCountedAndWeightsStay) {
  Diverging diverging(Spec("skip", 0));
  diverging.Steps(25);
  const Vector before = diverging.Weights();
  const Vector slots = diverging.Tensor("learner.slot2");
  const std::uint64_t updates = diverging.stream().Stats().updates;
  diverging.Diverge();
  EXPECT_EQ(diverging.Weights(), before);
  EXPECT_EQ(diverging.Tensor("learner.slot2"), slots);
  const engine::StreamStats stats = diverging.stream().Stats();
  EXPECT_EQ(stats.refused_updates, 1U);
  EXPECT_EQ(stats.divergences, 1U);
  EXPECT_EQ(stats.updates, updates);
  EXPECT_EQ(stats.restores, 0U);
  EXPECT_EQ(stats.applied_seq, 26U);
  EXPECT_FALSE(stats.frozen);
  EXPECT_TRUE(AllFinite(diverging.stream().Save()));
  diverging.Steps(5);
  EXPECT_NE(diverging.Weights(), before) << "learning goes on";
  EXPECT_EQ(diverging.stream().Stats().divergences, 1U);
}

TEST(Divergence, UnderRestoreWeightsComeBackFromTheLastGoodCopy) {
  Diverging diverging(Spec("restore", 1000));
  diverging.Steps(20);
  const Vector good = diverging.Weights();
  diverging.Steps(7);
  ASSERT_NE(diverging.Weights(), good);
  diverging.Diverge();
  EXPECT_EQ(diverging.Weights(), good) << "the copy of step 20";
  EXPECT_EQ(diverging.Tensor("learner.hidden"), Vector(6)) << "hidden state becomes zero";
  for (const double entry : diverging.Tensor("learner.rule")) EXPECT_EQ(entry, 0);
  EXPECT_EQ(diverging.stream().Stats().restores, 1U);
  EXPECT_EQ(diverging.stream().applied_seq(), 28U) << "numbering goes on";
  diverging.Steps(5);
  EXPECT_NE(diverging.Weights(), good) << "learning goes on";
}

TEST(Divergence, BeforeTheFirstCopyWeightsComeBackAsTheyWereAtOpen) {
  Diverging diverging(Spec("restore", 1000));
  const Vector open = diverging.Weights();
  diverging.Steps(4);
  diverging.Diverge();
  EXPECT_EQ(diverging.Weights(), open);
}

TEST(Divergence, ASecondOneSoonAfterFreezesTheStreamAndSaysSo) {
  Diverging diverging(Spec("restore", 50));
  diverging.Steps(20);
  diverging.Diverge();
  EXPECT_FALSE(diverging.stream().frozen());
  diverging.Steps(8);
  diverging.Diverge();
  EXPECT_TRUE(diverging.stream().frozen());
  EXPECT_TRUE(diverging.stream().Stats().frozen);
  const Vector before = diverging.Weights();
  diverging.Steps(5);
  EXPECT_EQ(diverging.Weights(), before);
}

TEST(Divergence, ASecondOneLongAfterDoesNotFreeze) {
  Diverging diverging(Spec("restore", 5));
  diverging.Steps(20);
  diverging.Diverge();
  diverging.Steps(20);
  diverging.Diverge();
  EXPECT_FALSE(diverging.stream().frozen());
  EXPECT_EQ(diverging.stream().Stats().divergences, 2U);
}

TEST(Divergence, AnInputThatOverflowsTheStateIsSurvived) {
  // With a rate so large that weights reach the largest float: the pre-activation is not a number.
  ModelSpec spec = Spec("skip", 0);
  spec.optimizer = {"sgd", {{"rate", 100.0}}};
  spec.guard.settings["clip_norm"] = 0.0;
  spec.guard.settings["on_divergence"] = std::string("restore");
  Diverging diverging(spec);
  for (int i = 0; i < 60; ++i) diverging.Step(1e15F);
  EXPECT_GT(diverging.stream().Stats().divergences, 0U);
  EXPECT_TRUE(AllFinite(diverging.stream().Save()));
}

TEST(Divergence, OtherStreamsDoNotNotice) {
  const std::shared_ptr<const engine::Model> model = MakeModel(Spec("restore", 1000));
  const Script script = MakeScript(*model, 6, 30);
  const auto digest = [&](bool beside_one_that_diverges) {
    const std::unique_ptr<engine::Stream> stream = OpenStream(model);
    Player player(&script, stream.get());
    Diverging diverging(Spec("restore", 1000));
    engine::Workers workers(2);
    for (int t = 0; t < 30; t += 10) {
      std::vector<std::function<void()>> jobs;
      jobs.push_back([&, t] { player.Observe(t, t + 10, 0); });
      if (beside_one_that_diverges) {
        jobs.push_back([&] {
          diverging.Steps(3);
          diverging.Diverge();
        });
      }
      workers.Run(jobs);
    }
    return stream->Digest();
  };
  EXPECT_EQ(digest(true), digest(false));
}

}  // namespace
}  // namespace millrace::conformance
