// The reference's optimizers and clip against updates computed by hand.
#include "tests/reference/descent.h"

#include <cmath>

#include "gtest/gtest.h"
#include "tests/reference/drawing.h"

namespace millrace::reference {
namespace {

// Eight weights: recurrent [1, 1], input [2, 1], bias [1, 1], readout [1, 2], its bias [2].
Layout EightWeights() {
  Layout layout;
  layout.Add("recurrent", "recurrent", 1, 1);
  layout.Add("input", "input", 2, 1);
  layout.Add("bias", "bias", 1, 1);
  layout.Add("readout", "readout", 1, 2);
  layout.Add("readout_bias", "readout", 1, 2);
  return layout;
}

const std::vector<bool> kAll(8, true);

// Weight 0 after updates by these gradients, from 1.
double After(const Part& part, const Vector& gradients, const Vector& dz = {1}) {
  Descent descent(part, EightWeights());
  Vector weights(8, 1.0);
  for (const double gradient : gradients) {
    descent.Update(Vector(8, gradient), kAll, dz, &weights);
  }
  return weights[0];
}

TEST(ReferenceDescent, SgdWithMomentumIsTheOneComputedByHand) {
  const Part sgd = MakePart("sgd", {{"rate", 0.1}, {"momentum", 0.5}});
  EXPECT_DOUBLE_EQ(After(sgd, {2}), 1 - 0.2);
  EXPECT_DOUBLE_EQ(After(sgd, {2, -1}), 1 - 0.2 - 0.1 * (0.5 * 2 - 1));
}

TEST(ReferenceDescent, RmspropIsTheOneComputedByHand) {
  const Part part = MakePart("rmsprop", {{"rate", 0.1}, {"beta2", 0.75}, {"epsilon", 0.5}});
  // v = 0.25 * 4 = 1, corrected 1 / 0.25 = 4.
  EXPECT_DOUBLE_EQ(After(part, {2}), 1 - 0.1 * 2 / (2 + 0.5));
  const double v = 0.75 * 1 + 0.25 * 1;
  EXPECT_DOUBLE_EQ(After(part, {2, 1}),
                   1 - 0.1 * 2 / 2.5 - 0.1 * 1 / (std::sqrt(v / (1 - 0.5625)) + 0.5));
}

TEST(ReferenceDescent, EpsilonStandsWhereTheSettingsSay) {
  std::map<std::string, double> numbers = {{"rate", 0.1}, {"beta2", 0.75}, {"epsilon", 3}};
  EXPECT_DOUBLE_EQ(After(MakePart("rmsprop", numbers), {2}), 1 - 0.1 * 2 / (2.0 + 3));
  numbers["epsilon_inside"] = 1;
  EXPECT_DOUBLE_EQ(After(MakePart("rmsprop", numbers), {2}), 1 - 0.1 * 2 / std::sqrt(4.0 + 3));
  numbers["uncorrected"] = 1;
  EXPECT_DOUBLE_EQ(After(MakePart("rmsprop", numbers), {2}), 1 - 0.1 * 2 / std::sqrt(1.0 + 3));
  numbers = {{"rate", 0.1}, {"beta1", 0.5}, {"beta2", 0.75}, {"epsilon", 3}};
  numbers["epsilon_uncorrected"] = 1;
  // rate sqrt(1 - b2) / (1 - b1) m / (sqrt(v) + eps), as Kingma and Ba's second form.
  EXPECT_DOUBLE_EQ(After(MakePart("adam", numbers), {2}),
                   1 - 0.1 * std::sqrt(0.25) / 0.5 * 1 / (1.0 + 3));
}

TEST(ReferenceDescent, FirstStepOfAdamIsTheRateAndAdamwDecaysBeside) {
  const Part adam = MakePart("adam", {{"rate", 0.1}, {"epsilon", 0}});
  EXPECT_NEAR(After(adam, {-3}), 1.1, 1e-14);
  const Part adamw = MakePart("adamw", {{"rate", 0.1}, {"epsilon", 0}, {"weight_decay", 0.5}});
  EXPECT_NEAR(After(adamw, {-3}), 1.1 - 0.1 * 0.5, 1e-14);
}

TEST(ReferenceDescent, AdamWithOneMomentIsACorrectedMeanOrRmsprop) {
  const Part first = MakePart("adam", {{"rate", 0.1}, {"beta1", 0.5}}, {{"moments", "first"}});
  // m = 1, then 0.5 + 0.5 * 4; corrected by 0.5 and 0.75.
  EXPECT_DOUBLE_EQ(After(first, {2, 4}), 1 - 0.1 * 2 - 0.1 * 2.5 / 0.75);
  const Part second = MakePart("adam", {{"rate", 0.1}, {"beta2", 0.9}}, {{"moments", "second"}});
  const Part rmsprop = MakePart("rmsprop", {{"rate", 0.1}, {"beta2", 0.9}});
  EXPECT_EQ(After(second, {2, 4, -1}), After(rmsprop, {2, 4, -1}));
}

TEST(ReferenceDescent, ABoundedStepIsTheOneComputedByHand) {
  const Part part = MakePart("obgd", {{"rate", 0.5}, {"rate_bias", 1}, {"kappa", 2}});
  // e = 0.5, |g|_1 = 8 * 0.25: rate 1 * 2 * max(1, 0.5) * 2 / 0.5 = 8 times too far.
  EXPECT_DOUBLE_EQ(After(part, {0.25}, {0.5, 0}), 1 - 0.5 / 8 * 0.25);
  // e = 4: 1 * 2 * 4 * 2 / 4 = 4.
  EXPECT_DOUBLE_EQ(After(part, {0.25}, {-3, 1}), 1 - 0.5 / 4 * 0.25);
  EXPECT_EQ(After(part, {0.25}, {0, 0}), 1);
  // No overshoot, no bound.
  EXPECT_DOUBLE_EQ(After(part, {0.01}, {1, 0}), 1 - 0.5 * 0.01);
}

TEST(ReferenceDescent, AWeightWhoseTurnItIsNotWaitsWithItsSlots) {
  for (const char* name : {"sgd", "rmsprop", "adam"}) {
    const Part part = MakePart(name, {{"momentum", 0.5}});
    Descent waiting(part, EightWeights());
    Descent straight(part, EightWeights());
    Vector waited(8, 1.0);
    Vector went(8, 1.0);
    std::vector<bool> without_first = kAll;
    without_first[0] = false;
    for (int step = 0; step < 6; ++step) {
      const Vector gradient(8, 1.0 + step);
      const bool turn = step % 2 == 0;
      waiting.Update(gradient, turn ? kAll : without_first, {1}, &waited);
      if (turn) straight.Update(gradient, kAll, {1}, &went);
    }
    EXPECT_EQ(waited[0], went[0]) << name;
    EXPECT_NE(waited[1], went[1]) << name;
  }
}

TEST(ReferenceDescent, RatesBelongToGroupsAndRateZeroNeverMoves) {
  Descent descent(
      MakePart("sgd", {{"rate", 3}, {"rate_recurrent", 0}, {"rate_input", 1}, {"rate_bias", 2}}),
      EightWeights());
  Vector weights(8);
  descent.Update(Vector(8, 1.0), kAll, {1}, &weights);
  EXPECT_EQ(weights, (Vector{0, -1, -1, -2, -3, -3, -3, -3}));
}

TEST(ReferenceDescent, TheClipScalesTheWholeNormOrEachGroups) {
  const Layout layout = EightWeights();
  Vector gradient{3, 4, 0, 0, 0, 0, 0, 0};
  EXPECT_FALSE(ClipGradient(layout, 5, false, kAll, &gradient));
  EXPECT_TRUE(ClipGradient(layout, 2.5, false, kAll, &gradient));
  EXPECT_EQ(gradient, (Vector{1.5, 2, 0, 0, 0, 0, 0, 0}));

  gradient = {3, 4, 0, 0, 0, 0, 0, 0};
  EXPECT_TRUE(ClipGradient(layout, 3.5, true, kAll, &gradient));
  EXPECT_EQ(gradient, (Vector{3, 3.5, 0, 0, 0, 0, 0, 0}));

  gradient = {300, 400, 0, 0, 0, 0, 0, 0};
  EXPECT_FALSE(ClipGradient(layout, 0, false, kAll, &gradient));
}

TEST(ReferenceDescent, TheClipLeavesOutWeightsThatWait) {
  Vector gradient{3, 4, 0, 0, 0, 0, 0, 0};
  std::vector<bool> active = kAll;
  active[1] = false;
  EXPECT_FALSE(ClipGradient(EightWeights(), 3, false, active, &gradient));
}

}  // namespace
}  // namespace millrace::reference
