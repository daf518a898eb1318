#include "engine/losses/loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "engine/errors.h"
#include "engine/losses/list.h"
#include "engine/stream.h"
#include "tests/support/numbers.h"

namespace millrace::engine {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

template <typename T>
TargetRow<T> Values(const std::vector<T>& values) {
  return {.kind = TargetKind::kValues, .values = values.data()};
}

std::unique_ptr<Loss<double>> Make(const std::string& name) {
  const absl::StatusOr<PartSpec> part = ResolvePart("loss", {name, {}}, "");
  EXPECT_TRUE(part.ok()) << part.status();
  return MakeLoss<double>(*part);
}

double ValueOf(const std::string& name, const std::vector<double>& y,
               const std::vector<double>& target) {
  return Make(name)->Value(y.data(), Values(target), static_cast<std::int64_t>(y.size()));
}

std::vector<double> GradientOf(const std::string& name, const std::vector<double>& y,
                               const std::vector<double>& target, double weight) {
  std::vector<double> dy(y.size(), 9);
  Make(name)->Gradient(y.data(), Values(target), weight, static_cast<std::int64_t>(y.size()),
                       dy.data());
  return dy;
}

TEST(LossesTest, BinaryCrossEntropyIsTheMeanNegativeLogProbabilityOfTheKnownOutputs) {
  const double p = 1 / (1 + std::exp(-0.3)), q = 1 / (1 + std::exp(1.2));
  const double expected = (-std::log(p) - 0.25 * std::log(q) - 0.75 * std::log(1 - q)) / 2;
  EXPECT_NEAR(ValueOf("binary_cross_entropy", {0.3, 7, -1.2}, {1, kUnknown, 0.25}), expected,
              1e-15);
}

TEST(LossesTest, BinaryCrossEntropyIsExactFarFromTheDecision) {
  EXPECT_EQ(ValueOf("binary_cross_entropy", {800, -800}, {0, 1}), 800);
  EXPECT_NEAR(ValueOf("binary_cross_entropy", {40}, {1}) / std::exp(-40.0), 1, 1e-12);
  EXPECT_NEAR(ValueOf("binary_cross_entropy", {-40}, {0}) / std::exp(-40.0), 1, 1e-12);
}

TEST(LossesTest, PoissonIsTheMeanRateLessTheTargetTimesItsLogarithm) {
  const double expected = (std::exp(0.5) - 3 * 0.5 + std::exp(-2.0)) / 2;
  EXPECT_NEAR(ValueOf("poisson", {0.5, 1, -2}, {3, kUnknown, 0}), expected, 1e-15);
}

TEST(LossesTest, PoissonGoesOnAsATangentWhereTheRateWouldOverflow) {
  const double bound = std::exp(30.0);
  EXPECT_NEAR(ValueOf("poisson", {30 + 1e-7}, {0}) / (bound * (1 + 1e-7)), 1, 1e-12);
  EXPECT_NEAR(ValueOf("poisson", {1e6}, {0}) / (bound * (1e6 - 29)), 1, 1e-12);
  EXPECT_NEAR(GradientOf("poisson", {1e6}, {0}, 1)[0] / bound, 1, 1e-12);
}

TEST(LossesTest, GradientsAreThoseOfTheValueTimesTheWeight) {
  testing_support::Numbers numbers(3);
  for (const char* const name : {"mean_squared_error", "binary_cross_entropy", "poisson"}) {
    for (int trial = 0; trial < 20; ++trial) {
      std::vector<double> y(4), target(4);
      for (double& output : y) output = numbers.Between(-4, 4);
      for (double& value : target) value = numbers.Uniform();
      target[1] = kUnknown;
      const std::vector<double> dy = GradientOf(name, y, target, 1.7);
      for (std::size_t k = 0; k < y.size(); ++k) {
        constexpr double kStep = 1e-5;
        std::vector<double> up = y, down = y;
        up[k] += kStep;
        down[k] -= kStep;
        const double slope =
            (ValueOf(name, up, target) - ValueOf(name, down, target)) / (2 * kStep);
        EXPECT_NEAR(dy[k], 1.7 * slope, 1e-7) << name << " output " << k;
      }
      EXPECT_EQ(dy[1], 0) << name;
    }
  }
}

TEST(LossesTest, TheMeanOfAnOutputIsOnTheScaleOfTheTargets) {
  EXPECT_EQ(Make("mean_squared_error")->Mean(1.5), 1.5);
  EXPECT_NEAR(Make("binary_cross_entropy")->Mean(1.5), 1 / (1 + std::exp(-1.5)), 1e-15);
  EXPECT_NEAR(Make("poisson")->Mean(1.5), std::exp(1.5), 1e-14);
  EXPECT_NEAR(Make("poisson")->Mean(1e5), std::exp(30.0), 1);
}

// A stream of two outputs under the loss.
std::unique_ptr<Stream> StreamOf(const std::string& loss) {
  ModelSpec spec;
  spec.input = {"vector", {{"size", std::int64_t{1}}}};
  spec.cell = {"vanilla", {{"units", std::int64_t{2}}}};
  spec.head = {"linear", {{"outputs", std::int64_t{2}}}};
  spec.loss = {loss, {}};
  absl::StatusOr<std::shared_ptr<const Model>> model = Model::Create("counts", spec);
  EXPECT_TRUE(model.ok()) << model.status();
  absl::StatusOr<std::unique_ptr<Stream>> stream = Stream::Open(*model, "a", {});
  EXPECT_TRUE(stream.ok()) << stream.status();
  return *std::move(stream);
}

absl::Status CheckTarget(const Stream& stream, const std::vector<float>& values) {
  const std::vector<float> input = {1};
  Observe observe{.first_seq = 1, .floats = input};
  observe.targets = TargetBlock{.first_seq = 1, .steps = 1, .values = values};
  return stream.Check(observe);
}

TEST(LossesTest, TargetValuesOutsideTheRangeOfTheLossAreRefusedWithASentence) {
  const auto binary = StreamOf("binary_cross_entropy");
  EXPECT_TRUE(CheckTarget(*binary, {0, 1}).ok());
  EXPECT_TRUE(CheckTarget(*binary, {NAN, 0.5F}).ok());
  const absl::Status above = CheckTarget(*binary, {0, 1.25F});
  EXPECT_EQ(ReasonOf(above), kBadTarget);
  EXPECT_EQ(std::string(above.message()),
            "a target value is 1.25; stream 'a' expects values from 0 to 1, or NaN for an output "
            "that is not known (loss 'binary_cross_entropy', set at model 'counts')");
  EXPECT_FALSE(CheckTarget(*binary, {-0.5F, 1}).ok());

  const auto counts = StreamOf("poisson");
  EXPECT_TRUE(CheckTarget(*counts, {0, 1e6F}).ok());
  const absl::Status below = CheckTarget(*counts, {-1, 2});
  EXPECT_EQ(std::string(below.message()),
            "a target value is -1; stream 'a' expects finite values of at least 0, or NaN for an "
            "output that is not known (loss 'poisson', set at model 'counts')");
  EXPECT_TRUE(CheckTarget(*StreamOf("mean_squared_error"), {-1e30F, 3}).ok());
}

TEST(LossesTest, TheResidualOfAPoissonStreamIsOnTheScaleOfItsCounts) {
  const auto stream = StreamOf("poisson");
  const std::vector<float> input = {1}, target = {3, 1};
  Observe observe{.first_seq = 1, .floats = input};
  observe.targets = TargetBlock{.first_seq = 1, .steps = 1, .values = target};
  ASSERT_TRUE(stream->Check(observe).ok());
  Outcome outcome;
  stream->Apply(observe, {}, &outcome);
  // The readout starts at zero: the first prediction is the rate 1.
  const StreamStats stats = stream->Stats();
  ASSERT_EQ(stats.residual_sd.size(), 2u);
  EXPECT_EQ(stats.residual_sd[0], 2);
  EXPECT_EQ(stats.residual_sd[1], 0);
}

}  // namespace
}  // namespace millrace::engine
