// The optimizers by hand cases, through the update that carries them out.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "engine/aligned.h"
#include "engine/guard.h"
#include "engine/learner.h"
#include "engine/optimizers/list.h"
#include "engine/updater.h"

namespace millrace::engine {
namespace {

PartSpec Part(const std::string& kind, const std::string& name, const Settings& settings) {
  const absl::StatusOr<PartSpec> part = ResolvePart(kind, {name, settings}, "");
  EXPECT_TRUE(part.ok()) << part.status();
  return *part;
}

// Two weights of the group recurrent and one of the readout.
ParameterLayout Layout() {
  ParameterLayout layout(1);
  layout.Add({.name = "recurrent", .group = Group::kRecurrent, .rows = 1, .width = 2});
  layout.Add({.name = "readout", .group = Group::kReadout, .rows = 1, .width = 1});
  return layout;
}

class Descent {
 public:
  Descent(const std::string& name, const Settings& settings, double clip_norm = 0)
      : optimizer_(MakeOptimizer<double>(Part("optimizer", name, settings))),
        guard_(Part("guard", "standard", {{"clip_norm", clip_norm}})),
        updater_(Layout()) {
    weights_.theta = {0, 0, 0};
    updater_.Initialize(*optimizer_, &weights_);
  }

  const AlignedVector<double>& Step(std::vector<double> gradient, double error = 1) {
    EXPECT_EQ(updater_.Apply(*optimizer_, guard_, {.error = error}, {.stored = gradient.data()},
                             &weights_),
              UpdateResult::kDone);
    return weights_.theta;
  }
  const Weights<double>& weights() const { return weights_; }
  const Optimizer<double>& optimizer() const { return *optimizer_; }

 private:
  std::unique_ptr<Optimizer<double>> optimizer_;
  GuardSettings guard_;
  Updater<double> updater_;
  Weights<double> weights_;
};

void ExpectNear(const AlignedVector<double>& got, const std::vector<double>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_NEAR(got[i], expected[i], 1e-14 * (1 + std::fabs(expected[i]))) << i;
  }
}

TEST(OptimizersTest, AdamDividesTheCorrectedMeanByTheCorrectedRootOfTheMeanSquare) {
  Descent adam("adam", {{"rate", 0.1}, {"beta1", 0.5}, {"beta2", 0.75}, {"epsilon", 0.5}});
  ExpectNear(adam.Step({2, -4, 0}), {-0.1 * 2 / 2.5, 0.1 * 4 / 4.5, 0});
  // m = (1 + 1) / (3/4), v = (3/4 + 4) / (7/16) of gradients 2, 2 and 4.
  const double first = -0.1 * 2 / 2.5;
  const double m = (0.5 * 1 + 0.5 * 4) / 0.75, v = (0.75 * 1 + 0.25 * 16) / 0.4375;
  EXPECT_NEAR(adam.Step({4, 0, 0})[0], first - 0.1 * m / (std::sqrt(v) + 0.5), 1e-15);
}

TEST(OptimizersTest, AdamAddsEpsilonBesideTheRootUnderItOrBeforeTheCorrection) {
  const Settings base = {{"rate", 0.1}, {"beta2", 0.75}, {"epsilon", 0.5}};
  Settings inside = base, uncorrected = base;
  inside["epsilon_inside"] = true;
  uncorrected["epsilon_uncorrected"] = true;
  for (const char* const name : {"adam", "adamw"}) {
    for (Settings* settings : {&inside, &uncorrected}) {
      if (std::string(name) == "adamw") (*settings)["weight_decay"] = 0.0;
    }
    // One step of gradient 2: m^ = 2, v^ = 4, v = 1.
    EXPECT_NEAR(Descent(name, inside).Step({2, 0, 0})[0], -0.1 * 2 / std::sqrt(4.5), 1e-15);
    EXPECT_NEAR(Descent(name, uncorrected).Step({2, 0, 0})[0], -0.1 * 2 * 0.5 / (1 + 0.5), 1e-15);
  }
}

TEST(OptimizersTest, AdamsFirstMomentAloneFollowsTheCorrectedMeanGradient) {
  Descent first("adam", {{"rate", 0.1}, {"beta1", 0.5}, {"moments", std::string("first")}});
  EXPECT_TRUE(first.weights().slot2.empty());
  ExpectNear(first.Step({2, -4, 1}), {-0.2, 0.4, -0.1});
  // (1/4 2 + 1/2 6) / (3/4) = 14/3.
  EXPECT_NEAR(first.Step({6, 0, 0})[0], -0.2 - 0.1 * 14 / 3, 1e-15);
  EXPECT_FALSE(first.optimizer().sparse());
}

TEST(OptimizersTest, AdamsSecondMomentAloneIsCorrectedRmsprop) {
  const Settings settings = {{"rate", 0.1}, {"beta2", 0.9}, {"epsilon", 0.01}};
  Settings second_settings = settings;
  second_settings["moments"] = std::string("second");
  Descent second("adam", second_settings), rmsprop("rmsprop", settings);
  EXPECT_TRUE(second.weights().slot1.empty());
  EXPECT_TRUE(second.optimizer().sparse());
  for (const double g : {1.0, -3.0, 0.25}) {
    EXPECT_EQ(second.Step({g, 2 * g, 0.5}), rmsprop.Step({g, 2 * g, 0.5}));
  }
}

TEST(OptimizersTest, BoundedDescentIsPlainDescentWhileTheBoundIsBelowOne) {
  Descent obgd("obgd", {{"rate", 0.01}, {"kappa", 2.0}});
  // 0.01 * 2 * max(1, 0.5) * |g|_1 / 0.5 = 0.28.
  ExpectNear(obgd.Step({1, -2, 4}, 0.5), {-0.01, 0.02, -0.04});
}

TEST(OptimizersTest, BoundedDescentDividesAllRatesByTheBoundOfTheLargestRate) {
  Descent obgd("obgd", {{"rate", 0.5}, {"rate_readout", 2.0}, {"kappa", 3.0}});
  // 2 * 3 * max(1, 4) * 7 / 4 = 42.
  ExpectNear(obgd.Step({1, -2, 4}, 4), {-0.5 / 42, 1.0 / 42, -8.0 / 42});
}

TEST(OptimizersTest, BoundedDescentCountsTheClippedGradientOfTheGroupsThatLearn) {
  Descent obgd("obgd", {{"rate", 0.5}, {"rate_readout", 0.0}, {"kappa", 2.0}}, 2.5);
  // (3, 4) is clipped to (1.5, 2); the readout takes no part: 0.5 * 2 * 1 * 3.5 / 0.5 = 7.
  ExpectNear(obgd.Step({3, 4, 100}, 0.5), {-0.75 / 7, -1.0 / 7, 0});
}

TEST(OptimizersTest, BoundedDescentWithoutAnErrorChangesNothing) {
  Descent obgd("obgd", {});
  ExpectNear(obgd.Step({1, -2, 3}, 0), {0, 0, 0});
}

TEST(OptimizersTest, ALearnerTellsTheBoundItsError) {
  ModelSpec spec;
  spec.input = {"vector", {{"size", std::int64_t{1}}}};
  spec.cell = {"vanilla", {{"units", std::int64_t{1}}}};
  spec.head = {"linear", {{"outputs", std::int64_t{2}}}};
  spec.loss = {"mean_squared_error", {}};
  spec.optimizer = {"obgd", {{"rate", 1.0}, {"kappa", 2.0}}};
  spec.guard = {"standard", {{"clip_norm", 0.0}}};
  const absl::StatusOr<ModelSpec> resolved = Resolve(spec);
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  Learner<double> learner(*resolved, 1, 5);
  learner.Initialize();
  const double x = 0.5;
  const std::vector<double> target = {0.3, -0.1};
  LearnerStep<double> step;
  step.seq = 1;
  step.input.dense = &x;
  step.target = {.kind = TargetKind::kValues, .values = target.data()};
  learner.Step(step, {});
  // The readout starts at zero, so that dL/dy = (-0.3, 0.1), nothing flows back, and the gradient's
  // norm is 0.4 (|h| + 1); the bound is 2 * max(1, 0.4) * 0.4 (|h| + 1) / 0.4.
  const double bound = 2 * (std::fabs(learner.hidden()[0]) + 1);
  const AlignedVector<double>& weights = learner.weights();
  EXPECT_NEAR(weights[weights.size() - 2], 0.3 / bound, 1e-15);
  EXPECT_NEAR(weights[weights.size() - 1], -0.1 / bound, 1e-15);
}

TEST(OptimizersTest, MomentumSumsDecayedGradients) {
  Descent sgd("sgd", {{"rate", 0.1}, {"momentum", 0.5}});
  ExpectNear(sgd.Step({2, 0, -4}), {-0.2, 0, 0.4});
  ExpectNear(sgd.Step({2, 0, 0}), {-0.5, 0, 0.6});
}

TEST(OptimizersTest, EveryOptimizerMovesAgainstTheGradientAndLeavesAGroupOfRateZero) {
  for (const PartDescription& part : DescribeOptimizers()) {
    Descent descent(part.name, {{"rate_readout", 0.0}});
    const AlignedVector<double>& weights = descent.Step({1, -1, 1});
    EXPECT_LT(weights[0], 0) << part.name;
    EXPECT_GT(weights[1], 0) << part.name;
    EXPECT_EQ(weights[2], 0) << part.name;
  }
}

}  // namespace
}  // namespace millrace::engine
