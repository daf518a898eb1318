// The rules of the outbox, step by step, without a transport.
#include "client/cpp/outbox.h"

#include <gtest/gtest.h>

#include "client/cpp/status.h"
#include "tests/client/outbox_fixture.h"

namespace millrace::client {
namespace {

TEST_F(OutboxTest, StepsAreNumberedFromWhereTheStreamStands) {
  EXPECT_TRUE(outbox_->wants_attach());
  Attach(41, 41);
  EXPECT_TRUE(attached_.ok());
  Observe(3);
  Observe(2);
  const auto parts = SendAll();
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].observe().first_seq(), 42u);
  EXPECT_EQ(parts[1].observe().first_seq(), 45u);
  EXPECT_EQ(parts[0].writer_token(), 5u);
  EXPECT_EQ(parts[0].epoch(), 1u);
}

TEST_F(OutboxTest, ABulkIsCutToAQuarterOfTheWindowAndNeverExceedsIt) {
  Attach(0, 0, 8);
  Observe(20);
  const auto parts = SendAll();
  ASSERT_EQ(parts.size(), 4u);
  for (const auto& part : parts) EXPECT_EQ(part.observe().floats_size(), 2);
  Reply(parts[0], 2, 2);
  EXPECT_EQ(SendAll().size(), 1u);
  EXPECT_TRUE(observed_.empty());
}

TEST_F(OutboxTest, OneResultGathersTheRowsOfAllItsParts) {
  Attach(0, 0, 8);
  Observe(6);
  std::uint64_t applied = 0;
  for (const auto& part : SendAll()) {
    applied += 2;
    Reply(part, applied, applied);
  }
  ASSERT_EQ(observed_.size(), 1u);
  EXPECT_EQ(observed_[0]->outputs, (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(observed_[0]->has_prediction, std::vector<std::uint8_t>(6, 1));
  EXPECT_EQ(observed_[0]->numbers.applied_seq, 6u);
}

TEST_F(OutboxTest, AfterABreakOnlyWhatWasNotAppliedIsSentAgain) {
  Attach(0, 0);
  Observe(3);
  Observe(4);
  Observe(2);
  ASSERT_EQ(SendAll().size(), 3u);
  Break();
  EXPECT_TRUE(SendAll().empty());
  Attach(5, 5);  // the first part, and two steps of the second
  const auto again = SendAll();
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(again[0].observe().first_seq(), 6u);
  EXPECT_EQ(again[0].observe().floats_size(), 2);
  EXPECT_EQ(again[0].observe().floats(0), 6);
  EXPECT_EQ(again[1].observe().first_seq(), 8u);
}

TEST_F(OutboxTest, AStepWhoseReplyWasLostHasNoPrediction) {
  Attach(0, 0);
  Observe(4);
  SendAll();
  Break();
  Attach(3, 3);
  Reply(SendAll().at(0), 4, 4);
  ASSERT_EQ(observed_.size(), 1u);
  EXPECT_EQ(observed_[0]->lost_replies, 3u);
  EXPECT_EQ(observed_[0]->has_prediction, (std::vector<std::uint8_t>{0, 0, 0, 1}));
  EXPECT_TRUE(std::isnan(observed_[0]->outputs[2]));
  EXPECT_EQ(observed_[0]->outputs[3], 4);
}

TEST_F(OutboxTest, AnsweredStepsThatWereNotDurableAreSentAgainIfTheServerLostThem) {
  Attach(0, 0);
  Observe(2);
  Observe(2);
  for (const auto& part : SendAll()) Reply(part, part.observe().first_seq() + 1, 2);
  ASSERT_EQ(observed_.size(), 2u);
  Break();
  Attach(2, 2);
  const auto again = SendAll();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].observe().first_seq(), 3u);
  Reply(again[0], 4, 4);
  EXPECT_EQ(observed_.size(), 2u);
}

TEST_F(OutboxTest, StepsThatTheClientNoLongerHoldsAreReportedAsLost) {
  OutboxLimits limits;
  limits.retained_bytes = 1;
  Remake(limits);
  Attach(0, 0);
  Observe(2);
  Reply(SendAll().at(0), 2, 0);
  Break();
  Attach(0, 0);
  EXPECT_TRUE(outbox_->failed());
  Observe(1);
  ASSERT_EQ(observed_.size(), 2u);
  EXPECT_EQ(observed_[1].status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReasonOf(observed_[1].status()), kCannotResend);
}

TEST_F(OutboxTest, LateTargetsAreSentAgainAndHeldAlreadyIsSuccess) {
  Attach(0, 0);
  Observe(1);
  Late(1);
  const auto parts = SendAll();
  ASSERT_EQ(parts.size(), 2u);
  Reply(parts[0], 1, 1);
  Break();
  Attach(1, 1);
  const auto again = SendAll();
  ASSERT_EQ(again.size(), 1u);
  Reply(again[0], 1, 1, FakeError(absl::StatusCode::kAlreadyExists, "TARGET_HELD", "held"));
  ASSERT_EQ(acknowledged_.size(), 1u);
  ASSERT_TRUE(acknowledged_[0].ok());
  EXPECT_TRUE(acknowledged_[0]->repeated);
}

TEST_F(OutboxTest, LateTargetsThatTheStreamShowsItHasAreNotSentAgain) {
  Attach(0, 0);
  Observe(3);
  Late(1);
  Late(2);
  Late(3);
  SendAll();
  Break();
  Attach(3, 3, 100, 1, {2});
  const auto again = SendAll();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].late_targets().blocks(0).first_seq(), 3u);
  EXPECT_EQ(acknowledged_.size(), 2u);
}

TEST_F(OutboxTest, ASettleWaitsForWhatIsBeforeItAndHoldsUpWhatFollows) {
  Attach(0, 0);
  Observe(1);
  Settle();
  Observe(1);
  auto parts = SendAll();
  ASSERT_EQ(parts.size(), 1u);
  Reply(parts[0], 1, 1);
  parts = SendAll();
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_TRUE(parts[0].has_settle());
  Reply(parts[0], 1, 1);
  EXPECT_EQ(SendAll().at(0).observe().first_seq(), 2u);
}

TEST_F(OutboxTest, ASettleInDoubtIsSentAgainWhereNothingFollowed) {
  Attach(0, 0);
  Observe(1);
  Reply(SendAll().at(0), 1, 1);
  Settle();
  ASSERT_TRUE(SendAll().at(0).has_settle());
  Break();
  Attach(1, 1);
  EXPECT_TRUE(SendAll().at(0).has_settle());
}

TEST_F(OutboxTest, ARefusedObservationFailsWhatIsBehindItAndNumberingGoesOnThere) {
  Attach(0, 0, 8);
  Observe(2);
  Observe(2);
  Observe(8);  // partly unsent
  const auto parts = SendAll();
  ASSERT_EQ(parts.size(), 4u);
  Reply(parts[0], 2, 2);
  Reply(parts[1], 2, 2, FakeError(absl::StatusCode::kInvalidArgument, "NOT_FINITE", "x is NaN"));
  Reply(parts[2], 2, 2, FakeError(absl::StatusCode::kOutOfRange, "SEQUENCE_GAP", "gap"));
  Reply(parts[3], 2, 2, FakeError(absl::StatusCode::kOutOfRange, "SEQUENCE_GAP", "gap"));
  ASSERT_EQ(observed_.size(), 3u);
  EXPECT_TRUE(observed_[0].ok());
  EXPECT_EQ(ReasonOf(observed_[1].status()), "NOT_FINITE");
  EXPECT_EQ(ReasonOf(observed_[2].status()), kPredecessorRefused);
  EXPECT_TRUE(SendAll().empty());
  Observe(1);
  EXPECT_EQ(SendAll().at(0).observe().first_seq(), 3u);
}

TEST_F(OutboxTest, APartBeyondTheWindowAndItsSuccessorsAreSentAgainInOrder) {
  Attach(0, 0);
  Observe(2);
  Observe(2);
  const auto parts = SendAll();
  Reply(parts[0], 0, 0, FakeError(absl::StatusCode::kResourceExhausted, "WINDOW", "full"));
  EXPECT_TRUE(SendAll().empty());  // the second one's reply is still to come
  Reply(parts[1], 0, 0, FakeError(absl::StatusCode::kOutOfRange, "SEQUENCE_GAP", "gap"));
  EXPECT_TRUE(SendAll().empty());  // not at once
  now_ += absl::Seconds(1);
  const auto again = SendAll();
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(again[0].observe().first_seq(), 1u);
  EXPECT_EQ(again[1].observe().first_seq(), 3u);
  EXPECT_TRUE(observed_.empty());
}

TEST_F(OutboxTest, WaitsForTheWindowGrowUntilAPartIsTaken) {
  Attach(0, 0);
  const absl::Status full = FakeError(absl::StatusCode::kResourceExhausted, "WINDOW", "full");
  const auto refuse = [&] {
    Reply(SendAll().at(0), 0, 0, full);
    const absl::Duration wait = outbox_->resume_at() - now_;
    now_ = outbox_->resume_at();
    return wait;
  };
  Observe(1);
  const absl::Duration first = refuse();
  for (int i = 0; i < 4; ++i) refuse();
  EXPECT_GT(refuse(), 4 * first);
  Reply(SendAll().at(0), 1, 1);
  Observe(1);
  EXPECT_LE(refuse(), absl::Milliseconds(5));
}

TEST_F(OutboxTest, FencedEndsTheWriter) {
  Attach(0, 0);
  Observe(1);
  Observe(1);
  const auto parts = SendAll();
  Reply(parts[0], 0, 0, FakeError(absl::StatusCode::kFailedPrecondition, "FENCED", "fenced"));
  ASSERT_EQ(observed_.size(), 2u);
  for (const auto& result : observed_) EXPECT_EQ(ReasonOf(result.status()), "FENCED");
  EXPECT_FALSE(outbox_->wants_attach());
}

TEST_F(OutboxTest, AStreamThatAnotherWroteToIsNotTakenBack) {
  Attach(0, 0);
  Observe(1);
  Reply(SendAll().at(0), 1, 1);
  Break();
  Attach(3, 3);
  Observe(1);
  EXPECT_EQ(ReasonOf(observed_.back().status()), "FENCED");
}

TEST_F(OutboxTest, ARaisedEpochEndsTheWriter) {
  Attach(0, 0);
  Observe(1);
  SendAll();
  Break();
  epoch_ = 2;
  Attach(0, 0);
  ASSERT_EQ(observed_.size(), 1u);
  EXPECT_EQ(ReasonOf(observed_[0].status()), "STALE_EPOCH");
}

TEST_F(OutboxTest, AClaimOfDurableStepsNamesItsEpoch) {
  EXPECT_EQ(outbox_->AttachPart().epoch(), 0u);
  Break();
  epoch_ = 3;
  Attach(7, 7);
  Break();
  const v1::LearnPart again = outbox_->AttachPart();
  EXPECT_EQ(again.epoch(), 3u);
  EXPECT_EQ(again.attach().last_durable_seq(), 7u);
}

TEST_F(OutboxTest, WhatWasNeverSentIsWithdrawnAtItsDeadlineWithWhatFollows) {
  Observe(2, now_ + absl::Seconds(1));
  Observe(2, now_ + absl::Seconds(9));
  now_ += absl::Seconds(2);
  outbox_->Expire(now_, &calls_);
  Run();
  ASSERT_EQ(observed_.size(), 2u);
  EXPECT_EQ(ReasonOf(observed_[0].status()), kNotSent);
  EXPECT_EQ(ReasonOf(observed_[1].status()), kPredecessorRefused);
  EXPECT_EQ(outbox_->next_seq(), 1u);
  EXPECT_TRUE(outbox_->idle());
}

TEST_F(OutboxTest, WhatWasSentStaysInDoubtAtItsDeadlineAndIsSentAgain) {
  Attach(0, 0);
  Observe(2, now_ + absl::Seconds(1));
  SendAll();
  Break();
  now_ += absl::Seconds(2);
  outbox_->Expire(now_, &calls_);
  Run();
  ASSERT_EQ(observed_.size(), 1u);
  EXPECT_EQ(ReasonOf(observed_[0].status()), kInDoubt);
  Attach(0, 0);
  EXPECT_EQ(SendAll().at(0).observe().first_seq(), 1u);
}

TEST_F(OutboxTest, MoreThanTheQueueHoldsIsRefusedAtOnce) {
  OutboxLimits limits;
  limits.queue_bytes = 100;
  Remake(limits);
  Attach(0, 0);
  Observe(10);
  Observe(30);
  ASSERT_EQ(observed_.size(), 1u);
  EXPECT_EQ(ReasonOf(observed_[0].status()), kQueueFull);
  EXPECT_EQ(outbox_->next_seq(), 11u);
}

}  // namespace
}  // namespace millrace::client
