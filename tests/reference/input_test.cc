// The reference's input stage against values computed by hand.
#include "tests/reference/input.h"

#include <cmath>

#include "gtest/gtest.h"

namespace millrace::reference {
namespace {

InputSetup Normalising(int size) {
  InputSetup setup;
  setup.size = size;
  setup.normalise = true;
  return setup;
}

TEST(ReferenceInput, FirstTwoStepsAreTheOnesComputedByHand) {
  Input input(Normalising(1));
  // mu 0, v 1: z = 2 / sqrt(1.01). Then a = 1/2: mu = 1, v = 0.5 (1 + 0.5 * 4) = 1.5.
  EXPECT_DOUBLE_EQ(input.Step({2}).z[0], 2 / std::sqrt(1.01));
  EXPECT_DOUBLE_EQ(input.mean()[0], 1);
  EXPECT_DOUBLE_EQ(input.variance()[0], 1.5);
  // a = 1/3: dev = 3, mu = 2, v = 2/3 (1.5 + 1/3 * 9) = 3.
  EXPECT_DOUBLE_EQ(input.Step({4}).z[0], 3 / std::sqrt(1.51));
  EXPECT_DOUBLE_EQ(input.mean()[0], 2);
  EXPECT_DOUBLE_EQ(input.variance()[0], 3);
}

TEST(ReferenceInput, ZIsBoundedAndAGlitchMovesStatisticsByABoundOnly) {
  Input input(Normalising(1));
  for (int t = 0; t < 200; ++t) input.Step({t % 2 == 0 ? 1.0 : -1.0});
  const double sd = std::sqrt(input.variance()[0] + 1e-2);
  const double mean = input.mean()[0];
  EXPECT_EQ(input.Step({1e6}).z[0], 5);
  EXPECT_DOUBLE_EQ(input.mean()[0], mean + 5 * sd / 202);
}

TEST(ReferenceInput, AMissingValueIsTheMeanAndIsNotTakenIn) {
  Input input(Normalising(2));
  input.Step({1, 1});
  const Taken taken = input.Step({std::nan(""), 3});
  EXPECT_EQ(taken.z[0], 0);
  EXPECT_FALSE(taken.present[0]);
  EXPECT_TRUE(taken.present[1]);
  EXPECT_DOUBLE_EQ(input.mean()[0], 0.5);
}

TEST(ReferenceInput, AChannelWithoutChangeBecomesSilentAndComesBack) {
  InputSetup setup = Normalising(1);
  setup.silent_after = 2;
  Input input(setup);
  EXPECT_TRUE(input.Step({1}).present[0]);
  EXPECT_TRUE(input.Step({1}).present[0]);
  EXPECT_FALSE(input.Step({1}).present[0]);
  EXPECT_TRUE(input.Step({2}).present[0]);
}

TEST(ReferenceInput, TransformsComeBeforeStatistics) {
  InputSetup setup;
  setup.size = 1;
  setup.transform = Transform::kSquareRoot;
  EXPECT_EQ(Input(setup).Step({9}).z[0], 3);
  setup.transform = Transform::kLog1p;
  EXPECT_DOUBLE_EQ(Input(setup).Step({9}).z[0], std::log(10.0));
}

TEST(ReferenceInput, AStepWithoutInputHoldsDecaysOrIsZero) {
  InputSetup setup;
  setup.size = 1;
  EXPECT_EQ(Input(setup).StepNothing().z[0], 0);
  setup.skip = Skip::kHold;
  Input hold(setup);
  hold.Step({4});
  EXPECT_EQ(hold.StepNothing().z[0], 4);
  EXPECT_FALSE(hold.StepNothing().present[0]);
  setup.skip = Skip::kDecay;
  setup.skip_decay = 0.5;
  Input decay(setup);
  decay.Step({4});
  EXPECT_EQ(decay.StepNothing().z[0], 2);
  EXPECT_EQ(decay.StepNothing().z[0], 1);
}

TEST(ReferenceInput, AByteIsOneHot) {
  InputSetup setup;
  setup.bytes = true;
  setup.size = 256;
  Input input(setup);
  const Taken taken = input.StepByte(7);
  EXPECT_EQ(taken.z[7], 1);
  EXPECT_EQ(taken.z[8], 0);
  EXPECT_FALSE(input.StepNothing().present[7]);
}

}  // namespace
}  // namespace millrace::reference
