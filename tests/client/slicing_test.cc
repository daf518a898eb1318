#include "client/cpp/slicing.h"

#include <gtest/gtest.h>

#include "client/cpp/status.h"

namespace millrace::client {
namespace {

// Four steps of two inputs with everything a part can carry.
Observation FourSteps() {
  Observation observation;
  observation.steps = 4;
  observation.body.set_first_seq(11);
  for (float x : {1.f, 2.f, 3.f, 4.f, 5.f, 6.f, 7.f, 8.f}) observation.body.add_floats(x);
  v1::TargetBlock* targets = observation.body.mutable_targets();
  targets->set_steps(4);
  for (int label : {0, 1, -1, 2}) targets->add_classes(label);
  for (float weight : {1.f, .5f, 1.f, 0.f}) targets->add_weights(weight);
  for (unsigned offset : {0u, 2u}) observation.body.add_reset_before(offset);
  observation.body.add_score_only(3);
  observation.body.mutable_want()->set_shadow(true);
  return observation;
}

template <typename Field>
auto Values(const Field& field) {
  return std::vector<typename Field::value_type>(field.begin(), field.end());
}

TEST(SliceTest, EveryRowTargetAndOffsetFollowsItsStep) {
  const Observation part = Slice(FourSteps(), 2, 2);
  EXPECT_EQ(part.steps, 2u);
  EXPECT_EQ(part.body.first_seq(), 13u);
  EXPECT_EQ(Values(part.body.floats()), (std::vector<float>{5, 6, 7, 8}));
  EXPECT_EQ(Values(part.body.targets().classes()), (std::vector<int>{-1, 2}));
  EXPECT_EQ(Values(part.body.targets().weights()), (std::vector<float>{1, 0}));
  EXPECT_EQ(part.body.targets().steps(), 2u);
  EXPECT_EQ(Values(part.body.reset_before()), (std::vector<std::uint32_t>{0}));
  EXPECT_EQ(Values(part.body.score_only()), (std::vector<std::uint32_t>{1}));
  EXPECT_TRUE(part.body.want().shadow());
}

TEST(SliceTest, OneRowForAllStepsStaysOneRow) {
  Observation observation = FourSteps();
  observation.one_target_row = true;
  observation.body.mutable_targets()->clear_classes();
  observation.body.mutable_targets()->clear_weights();
  for (float y : {1.f, 2.f, 3.f, 4.f}) observation.body.mutable_targets()->add_values(y);
  observation.body.mutable_targets()->add_weights(.5f);
  const Observation part = Slice(observation, 0, 3);
  EXPECT_EQ(part.body.targets().values_size(), 4);
  EXPECT_EQ(part.body.targets().weights_size(), 1);
}

TEST(SliceTest, BytesAndSkipsAreCut) {
  Observation bytes;
  bytes.steps = 5;
  bytes.body.set_first_seq(1);
  bytes.body.set_raw_bytes("hello");
  EXPECT_EQ(Slice(bytes, 1, 3).body.raw_bytes(), "ell");
  Observation skip;
  skip.steps = 7;
  skip.body.set_skip(7);
  EXPECT_EQ(Slice(skip, 3, 4).body.skip(), 4u);
}

TEST(CheckObservationTest, WhatIsWrongIsNamed) {
  EXPECT_TRUE(CheckObservation(FourSteps(), "a").ok());
  Observation wrong = FourSteps();
  wrong.body.add_floats(9);
  EXPECT_EQ(CheckObservation(wrong, "a").message(),
            "observation for stream 'a' has 9 floats; expected a multiple of its 4 steps");
  wrong = FourSteps();
  wrong.body.add_score_only(4);
  EXPECT_EQ(ReasonOf(CheckObservation(wrong, "a")), "BAD_PART");
  wrong = FourSteps();
  wrong.body.set_raw_bytes("abcd");
  EXPECT_FALSE(CheckObservation(wrong, "a").ok());
  wrong = FourSteps();
  wrong.body.mutable_targets()->set_steps(3);
  EXPECT_FALSE(CheckObservation(wrong, "a").ok());
  wrong.steps = 0;
  EXPECT_FALSE(CheckObservation(wrong, "a").ok());
}

}  // namespace
}  // namespace millrace::client
