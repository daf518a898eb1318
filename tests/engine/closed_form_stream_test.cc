// Closed-form heads in models, streams and learners: what they go with, silence, and a restore.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/errors.h"
#include "engine/learner.h"
#include "engine/stream.h"
#include "tests/support/numbers.h"

namespace millrace::engine {
namespace {

std::vector<double> Drawn(testing_support::Numbers& numbers) {
  return {numbers.Between(-2, 2), numbers.Between(-1, 3), numbers.Between(-1, 1)};
}

ModelSpec Spec(const std::string& head, const std::string& loss, Settings settings = {}) {
  ModelSpec spec;
  settings.emplace("outputs", std::int64_t{2});
  spec.input = {"vector", {{"size", std::int64_t{3}}}};
  spec.cell = {"vanilla", {{"units", std::int64_t{4}}}};
  spec.head = {head, settings};
  spec.loss = {loss, {}};
  return spec;
}

std::unique_ptr<Stream> Open(const ModelSpec& spec) {
  const absl::StatusOr<std::shared_ptr<const Model>> model = Model::Create("commands", spec);
  EXPECT_TRUE(model.ok()) << model.status();
  absl::StatusOr<std::unique_ptr<Stream>> stream = Stream::Open(*model, "a", {});
  EXPECT_TRUE(stream.ok()) << stream.status();
  return *std::move(stream);
}

void ExpectBad(const ModelSpec& spec, const std::string& sentence) {
  const absl::StatusOr<ModelSpec> resolved = Resolve(spec);
  ASSERT_FALSE(resolved.ok()) << sentence;
  EXPECT_EQ(ReasonOf(resolved.status()), kBadSpec);
  EXPECT_EQ(std::string(resolved.status().message()), sentence);
}

TEST(ClosedFormStreamTest, AClosedFormIsRefusedWithALossItIsNotTheLeastOf) {
  ExpectBad(Spec("gaussian", "mean_squared_error"),
            "loss is 'mean_squared_error'; expected 'cross_entropy', which is what head "
            "'gaussian' is the closed form of; change the loss or the head");
  ExpectBad(Spec("least_squares", "poisson"),
            "loss is 'poisson'; expected 'mean_squared_error', which is what head "
            "'least_squares' is the closed form of; change the loss or the head");
}

TEST(ClosedFormStreamTest, DirectFeaturesOfBytesAreRefused) {
  ModelSpec bytes = Spec("linear", "cross_entropy", {{"filter_2", 5.0}});
  bytes.input = {"bytes", {}};
  ExpectBad(bytes,
            "setting 'filter_2' of head 'linear' asks for a direct feature; expected none, since "
            "input is 'bytes'; use setting 'context_orders'");
}

TEST(ClosedFormStreamTest, GaussianClassesTakeNoProbabilities) {
  const auto stream = Open(Spec("gaussian", "cross_entropy"));
  const std::vector<float> input = {1, 2, 3}, probabilities = {0.5F, 0.5F};
  const std::vector<std::int32_t> label = {1};
  Observe observe{.first_seq = 1, .floats = input};
  observe.targets = TargetBlock{.first_seq = 1, .steps = 1, .probabilities = probabilities};
  EXPECT_EQ(std::string(stream->Check(observe).message()),
            "a target block has probabilities; stream 'a' expects classes (head 'gaussian', set at "
            "model 'commands')");
  observe.targets = TargetBlock{.first_seq = 1, .steps = 1, .classes = label};
  EXPECT_TRUE(stream->Check(observe).ok());
}

// A learner of least squares on direct features, whose cell stays as it is.
class Pupil {
 public:
  explicit Pupil(int good_every) {
    ModelSpec spec = Spec("least_squares", "mean_squared_error", {{"direct", true}});
    spec.optimizer = {"sgd", {{"rate", 0.0}}};
    spec.guard = {"standard", {{"good_every", std::int64_t{good_every}}}};
    const absl::StatusOr<ModelSpec> resolved = Resolve(spec);
    EXPECT_TRUE(resolved.ok()) << resolved.status();
    learner_ = std::make_unique<Learner<double>>(*resolved, 3, 7);
    learner_->Initialize();
  }

  void Step(const std::vector<double>& x, const std::vector<double>& y,
            const std::vector<std::uint8_t>& present = {}) {
    LearnerStep<double> step;
    step.seq = learner_->position() + 1;
    step.input.dense = x.empty() ? nullptr : x.data();
    step.input.present = present.empty() ? nullptr : present.data();
    step.target = {.kind = TargetKind::kValues, .values = y.data()};
    learner_->Step(step, {});
  }
  void Steps(int count, std::uint64_t seed) {
    testing_support::Numbers numbers(seed);
    for (int t = 0; t < count; ++t) {
      const std::vector<double> x = Drawn(numbers);
      Step(x, {x[0] + x[1], numbers.Between(-1, 1)});
    }
  }
  Learner<double>& learner() { return *learner_; }

 private:
  std::unique_ptr<Learner<double>> learner_;
};

TEST(ClosedFormStreamTest, ARestoreBringsBackTheWeightsWithWhatTheyFollowFrom) {
  Pupil once(100), again(100);
  once.Steps(100, 1);
  once.learner().Restore();
  again.Steps(100, 1);
  const AlignedVector<double> good = again.learner().weights();
  again.Steps(57, 2);
  EXPECT_NE(again.learner().weights(), good);
  again.learner().Restore();
  EXPECT_EQ(again.learner().weights(), good);
  // What comes next is learned as if the 57 had not been.
  once.Steps(20, 3);
  again.Steps(20, 3);
  EXPECT_EQ(again.learner().weights(), once.learner().weights());
}

TEST(ClosedFormStreamTest, AStepWithoutInputTeachesNothing) {
  Pupil pupil(0);
  pupil.Steps(30, 1);
  const AlignedVector<double> before = pupil.learner().weights();
  pupil.Step({}, {5, 5});
  pupil.Step({1, 2, 3}, {5, 5}, {0, 0, 0});
  EXPECT_EQ(pupil.learner().weights(), before);
  pupil.Step({1, 2, 3}, {5, 5}, {0, 1, 0});
  EXPECT_NE(pupil.learner().weights(), before);
}

// Both, from the input itself and the states of a cell that learns through them.
TEST(ClosedFormStreamTest, AStreamPredictsWhatIsLinearInItsFeatures) {
  const auto squares = Open(Spec("least_squares", "mean_squared_error", {{"direct", true}}));
  const auto classes = Open(Spec("gaussian", "cross_entropy", {{"direct", true}}));
  testing_support::Numbers numbers(9);
  Outcome outcome;
  for (std::uint64_t seq = 1; seq <= 2000; ++seq) {
    std::vector<float> x(3);
    for (float& value : x) value = static_cast<float>(numbers.Between(-1, 1));
    const std::vector<float> values = {2 * x[0] - x[2] + 1, x[1]};
    const std::vector<std::int32_t> label = {x[0] > 2 * x[1] ? 1 : 0};
    Observe observe{.first_seq = seq, .floats = x};
    observe.targets = TargetBlock{.first_seq = seq, .steps = 1, .values = values};
    ASSERT_TRUE(squares->Check(observe).ok());
    squares->Apply(observe, {}, &outcome);
    observe.targets = TargetBlock{.first_seq = seq, .steps = 1, .classes = label};
    ASSERT_TRUE(classes->Check(observe).ok());
    classes->Apply(observe, {}, &outcome);
  }
  EXPECT_LT(*squares->Stats().live_loss, 5e-3);
  EXPECT_GT(*classes->Stats().accuracy, 0.93);
  EXPECT_EQ(squares->Stats().updates, 2000u);
  EXPECT_EQ(squares->Stats().divergences + classes->Stats().divergences, 0u);
}

}  // namespace
}  // namespace millrace::engine
