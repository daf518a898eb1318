// The reference's optimizers and clip against updates computed by hand.
#include "tests/reference/optimizer.h"

#include <cmath>

#include "gtest/gtest.h"

namespace millrace::reference {
namespace {

// Eight weights: W [1, 1], U [1, 2], b [1], V [2, 1], c [2].
const Shape kShape{1, 2, 2, true};

const std::vector<bool> kAll(8, true);

TEST(ReferenceOptimizer, SgdWithMomentumIsTheOneComputedByHand) {
  OptimizerSetup setup;
  setup.kind = OptimizerKind::kSgd;
  setup.momentum = 0.5;
  setup.rates = {0.1, 0.1, 0.1, 0.1};
  Optimizer optimizer(setup, kShape);
  Vector weights(8, 1.0);
  optimizer.Update(Vector(8, 2.0), kAll, &weights);
  EXPECT_DOUBLE_EQ(weights[0], 1 - 0.2);
  optimizer.Update(Vector(8, -1.0), kAll, &weights);
  EXPECT_DOUBLE_EQ(weights[0], 1 - 0.2 - 0.1 * (0.5 * 2 - 1));
}

TEST(ReferenceOptimizer, RmspropIsTheOneComputedByHand) {
  OptimizerSetup setup;
  setup.beta2 = 0.75;
  setup.epsilon = 0.5;
  setup.rates = {0.1, 0.1, 0.1, 0.1};
  Optimizer optimizer(setup, kShape);
  Vector weights(8, 1.0);
  optimizer.Update(Vector(8, 2.0), kAll, &weights);
  // v = 0.25 * 4 = 1, corrected 1 / 0.25 = 4.
  EXPECT_DOUBLE_EQ(weights[0], 1 - 0.1 * 2 / (2 + 0.5));
  optimizer.Update(Vector(8, 1.0), kAll, &weights);
  const double v = 0.75 * 1 + 0.25 * 1;
  EXPECT_DOUBLE_EQ(weights[0], 1 - 0.1 * 2 / 2.5 - 0.1 * 1 / (std::sqrt(v / (1 - 0.5625)) + 0.5));
}

TEST(ReferenceOptimizer, RmspropUncorrectedWithEpsilonInsideIsTheOneComputedByHand) {
  OptimizerSetup setup;
  setup.beta2 = 0.75;
  setup.epsilon = 3;
  setup.rates = {0.1, 0.1, 0.1, 0.1};
  setup.uncorrected = setup.epsilon_inside = true;
  Optimizer optimizer(setup, kShape);
  Vector weights(8, 1.0);
  optimizer.Update(Vector(8, 2.0), kAll, &weights);
  EXPECT_DOUBLE_EQ(weights[0], 1 - 0.1 * 2 / std::sqrt(1.0 + 3));
}

TEST(ReferenceOptimizer, FirstStepOfAdamIsTheRateAndAdamwDecaysBeside) {
  OptimizerSetup setup;
  setup.kind = OptimizerKind::kAdam;
  setup.beta2 = 0.999;
  setup.epsilon = 0;
  setup.rates = {0.1, 0.1, 0.1, 0.1};
  Optimizer adam(setup, kShape);
  Vector weights(8, 1.0);
  adam.Update(Vector(8, -3.0), kAll, &weights);
  EXPECT_NEAR(weights[0], 1.1, 1e-14);

  setup.kind = OptimizerKind::kAdamw;
  setup.weight_decay = 0.5;
  Optimizer adamw(setup, kShape);
  weights.assign(8, 1.0);
  adamw.Update(Vector(8, -3.0), kAll, &weights);
  EXPECT_NEAR(weights[0], 1.1 - 0.1 * 0.5, 1e-14);
}

TEST(ReferenceOptimizer, AWeightWhoseTurnItIsNotWaitsWithItsSlots) {
  OptimizerSetup setup;
  setup.kind = OptimizerKind::kAdam;
  Optimizer waiting(setup, kShape);
  Optimizer straight(setup, kShape);
  Vector waited(8, 1.0);
  Vector went(8, 1.0);
  std::vector<bool> without_first = kAll;
  without_first[0] = false;
  for (int step = 0; step < 6; ++step) {
    const Vector gradient(8, 1.0 + step);
    const bool turn = step % 2 == 0;
    waiting.Update(gradient, turn ? kAll : without_first, &waited);
    if (turn) straight.Update(gradient, kAll, &went);
  }
  EXPECT_EQ(waited[0], went[0]);
  EXPECT_NE(waited[1], went[1]);
}

TEST(ReferenceOptimizer, RatesBelongToGroupsAndRateZeroNeverMoves) {
  OptimizerSetup setup;
  setup.kind = OptimizerKind::kSgd;
  setup.rates = {0, 1, 2, 3};
  Optimizer optimizer(setup, kShape);
  Vector weights(8);
  optimizer.Update(Vector(8, 1.0), kAll, &weights);
  EXPECT_EQ(weights, (Vector{0, -1, -1, -2, -3, -3, -3, -3}));
}

TEST(ReferenceClip, ScalesTheWholeNormOrEachGroups) {
  Vector gradient{3, 4, 0, 0, 0, 0, 0, 0};
  EXPECT_FALSE(Clip(kShape, 5, false, kAll, &gradient));
  EXPECT_TRUE(Clip(kShape, 2.5, false, kAll, &gradient));
  EXPECT_EQ(gradient, (Vector{1.5, 2, 0, 0, 0, 0, 0, 0}));

  gradient = {3, 4, 0, 0, 0, 0, 0, 0};
  EXPECT_TRUE(Clip(kShape, 3.5, true, kAll, &gradient));
  EXPECT_EQ(gradient, (Vector{3, 3.5, 0, 0, 0, 0, 0, 0}));

  gradient = {300, 400, 0, 0, 0, 0, 0, 0};
  EXPECT_FALSE(Clip(kShape, 0, false, kAll, &gradient));
}

TEST(ReferenceClip, LeavesOutWeightsThatWait) {
  Vector gradient{3, 4, 0, 0, 0, 0, 0, 0};
  std::vector<bool> active = kAll;
  active[1] = false;
  EXPECT_FALSE(Clip(kShape, 3, false, active, &gradient));
}

}  // namespace
}  // namespace millrace::reference
