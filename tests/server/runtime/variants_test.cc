// Variants: streams that learn on another one's input, compared and promoted.

#include <random>
#include <string>

#include "absl/time/clock.h"
#include "engine/errors.h"
#include "gtest/gtest.h"
#include "server/runtime/comparison.h"
#include "tests/server/runtime/harness.h"

namespace millrace::server {
namespace {

using engine::ReasonOf;

v1::Setting Rate(double rate) {
  v1::Setting setting;
  setting.set_name("optimizer.rate");
  setting.set_number(rate);
  return setting;
}

class VariantsTest : public testing::Test {
 protected:
  VariantsTest() {
    harness_.CreateModel("m");
    harness_.OpenStream("s");
    harness_.Attach("s");
    harness_.Observe("s", 1, 20);
  }
  absl::StatusOr<v1::Stream> Fork(const std::string& id, double rate, bool follow = true) {
    v1::ForkStreamRequest request;
    request.set_id("s");
    request.set_new_id(id);
    *request.add_settings() = Rate(rate);
    request.set_follow(follow);
    return harness_.runtime().ForkStream(request);
  }
  absl::StatusOr<v1::Stream> Promote(const std::string& variant) {
    v1::PromoteVariantRequest request;
    request.set_id("s");
    request.set_variant(variant);
    request.set_request_id("promote " + variant);
    return harness_.runtime().PromoteVariant(request);
  }
  v1::ListVariantsResponse List() {
    v1::ListVariantsRequest request;
    request.set_id("s");
    return harness_.runtime().ListVariants(request).value();
  }
  void Delete(const std::string& id) {
    v1::DeleteStreamRequest request;
    request.set_id(id);
    const absl::Status status = harness_.runtime().DeleteStream(request);
    ASSERT_TRUE(status.ok()) << status;
  }
  // Applied, learned from and digested as a stream of its own would be.
  void ExpectTwins(const std::string& one, const std::string& other) {
    EXPECT_EQ(harness_.Digest(one), harness_.Digest(other)) << one << " and " << other;
  }

  Harness harness_;
};

TEST_F(VariantsTest, AVariantLearnsAsAForkThatIsFedTheSameSteps) {
  ASSERT_TRUE(Fork("fast", 3e-2).ok());
  ASSERT_TRUE(Fork("twin", 3e-2, /*follow=*/false).ok());
  EXPECT_EQ(harness_.Stream("fast").variant_of(), "s");
  harness_.Attach("twin");
  for (const std::string id : {"s", "twin"}) {
    harness_.Observe(id, 21, 100);
    harness_.Observe(id, 121, 3, /*with_targets=*/false);
  }
  EXPECT_EQ(harness_.Stream("fast").applied_seq(), 123u);
  ExpectTwins("fast", "twin");
  EXPECT_NE(harness_.Digest("s"), harness_.Digest("fast"));
}

TEST_F(VariantsTest, AdministrationOfTheParentIsItsOwn) {
  ASSERT_TRUE(Fork("fast", 3e-2).ok());
  v1::FreezeStreamRequest freeze;
  freeze.set_id("s");
  ASSERT_TRUE(harness_.runtime().FreezeStream(freeze).ok());
  harness_.Observe("s", 21, 10);
  EXPECT_FALSE(harness_.Stream("fast").frozen());
  EXPECT_EQ(harness_.Stream("fast").applied_seq(), 30u);
}

TEST_F(VariantsTest, NobodyElseWritesToAVariantAndItsParentStays) {
  ASSERT_TRUE(Fork("fast", 3e-2).ok());
  EXPECT_REASON(harness_.Attach("fast").status(), kFailedPrecondition, "IS_VARIANT");
  v1::FreezeStreamRequest freeze;
  freeze.set_id("fast");
  EXPECT_EQ(ReasonOf(harness_.runtime().FreezeStream(freeze).status()), "IS_VARIANT");
  v1::CloseStreamRequest close;
  close.set_id("fast");
  EXPECT_EQ(ReasonOf(harness_.runtime().CloseStream(close).status()), "IS_VARIANT");
  v1::RollbackStreamRequest rollback;
  rollback.set_id("s");
  EXPECT_EQ(ReasonOf(harness_.runtime().RollbackStream(rollback).status()), "HAS_VARIANTS");
  v1::DeleteStreamRequest request;
  request.set_id("s");
  EXPECT_EQ(ReasonOf(harness_.runtime().DeleteStream(request)), "HAS_VARIANTS");
  v1::ForkStreamRequest of_variant;
  of_variant.set_id("fast");
  of_variant.set_new_id("faster");
  of_variant.set_follow(true);
  EXPECT_EQ(ReasonOf(harness_.runtime().ForkStream(of_variant).status()), "IS_VARIANT");
  Delete("fast");
  Delete("s");
}

TEST_F(VariantsTest, AModelWithoutAJournalHasNone) {
  harness_.CreateModel("fleeting", SmallSpec(v1::DURABILITY_APPLIED));
  harness_.OpenStream("f", "fleeting");
  v1::ForkStreamRequest request;
  request.set_id("f");
  request.set_new_id("g");
  request.set_follow(true);
  const auto refused = harness_.runtime().ForkStream(request);
  EXPECT_EQ(ReasonOf(refused.status()), "NOT_CARRIED_OUT");
  EXPECT_NE(refused.status().message().find("expect a journal"), std::string::npos);
}

TEST_F(VariantsTest, AllStandAtTheSameStepAfterACrashAndGoOnTogether) {
  ASSERT_TRUE(Fork("fast", 3e-2).ok());
  ASSERT_TRUE(Fork("slow", 1e-4).ok());
  harness_.Observe("s", 21, 60);
  const std::string crashed = harness_.Crashed("crash");
  harness_.Observe("s", 81, 40);
  const std::string fast = harness_.Digest("fast"), slow = harness_.Digest("slow");
  harness_.Drop();
  harness_.Open(crashed);
  for (const std::string id : {"s", "fast", "slow"}) {
    EXPECT_EQ(harness_.Stream(id).applied_seq(), 80u) << id;
  }
  harness_.Attach("s");
  harness_.Observe("s", 81, 40);
  EXPECT_EQ(harness_.Digest("fast"), fast);
  EXPECT_EQ(harness_.Digest("slow"), slow);
  EXPECT_TRUE(List().variants(0).following());
}

TEST_F(VariantsTest, PromotionPutsTheStateOfTheVariantInPlaceAndTheWriterGoesOn) {
  ASSERT_TRUE(Fork("fast", 3e-2).ok());
  harness_.Observe("s", 21, 60);
  v1::FreezeStreamRequest freeze;  // two events of the stream alone: its numbers run ahead
  freeze.set_id("s");
  ASSERT_TRUE(harness_.runtime().FreezeStream(freeze).ok());
  v1::UnfreezeStreamRequest unfreeze;
  unfreeze.set_id("s");
  ASSERT_TRUE(harness_.runtime().UnfreezeStream(unfreeze).ok());
  const std::uint64_t event = harness_.Stream("s").event();
  const auto promoted = Promote("fast");
  ASSERT_TRUE(promoted.ok()) << promoted.status();
  EXPECT_EQ(promoted->event(), event + 1);
  EXPECT_EQ(promoted->applied_seq(), 80u);
  ASSERT_EQ(promoted->overrides_size(), 1);
  EXPECT_EQ(promoted->overrides(0).number(), 3e-2);
  const auto reply = harness_.Observe("s", 81, 40);
  EXPECT_EQ(reply.status().code(), 0) << reply.status().message();
  v1::GetStreamRequest with_digest;
  with_digest.set_with_digest(true);
  std::string digests[2];
  for (const auto& [k, id] : {std::pair(0, "s"), std::pair(1, "fast")}) {
    with_digest.set_id(id);
    digests[k] = harness_.runtime().GetStream(with_digest)->learner_digest();
  }
  EXPECT_EQ(digests[0], digests[1]) << "the two go on alike";
  EXPECT_EQ(ReasonOf(Promote("nobody").status()), "NO_VARIANT");
}

TEST_F(VariantsTest, ACrashRightAfterAPromotionOrRightBeforeItCostsNoBit) {
  ASSERT_TRUE(Fork("fast", 3e-2).ok());
  harness_.Observe("s", 21, 60);
  const std::string before = harness_.Crashed("before");
  ASSERT_TRUE(Promote("fast").ok());
  const std::string after = harness_.Crashed("after");
  harness_.Observe("s", 81, 40);
  const std::string expected = harness_.Digest("s");
  harness_.Drop();
  for (const std::string& store : {before, after}) {
    harness_.Open(store);
    // Asked again, as who got no answer does: done once, whichever it was.
    ASSERT_TRUE(Promote("fast").ok());
    harness_.Attach("s");
    harness_.Observe("s", 81, 40);
    EXPECT_EQ(harness_.Digest("s"), expected);
    harness_.Drop();
  }
  harness_.Open(after);
}

TEST_F(VariantsTest, AVariantThatLeftMemoryFollowsAsOneThatStayed) {
  ASSERT_TRUE(Fork("fast", 3e-2).ok());
  ASSERT_TRUE(Fork("twin", 3e-2, /*follow=*/false).ok());
  harness_.Attach("twin");
  harness_.Observe("s", 21, 30);
  harness_.environment().Advance(harness_.options().idle_page_out * 2);
  // Asked without a turn, which would be a use.
  const auto resident = [&] {
    const auto list = harness_.runtime().ListStreams(v1::ListStreamsRequest());
    return list->streams(0).id() == "fast" && list->streams(0).resident();
  };
  for (int tries = 0; resident() && tries < 1000; ++tries) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_FALSE(resident());
  harness_.Observe("s", 51, 30);
  harness_.Observe("twin", 21, 60);
  ExpectTwins("fast", "twin");
}

TEST_F(VariantsTest, TheyAreRankedByServedLossWithAnIntervalAndThatOutlivesTheProcess) {
  ASSERT_TRUE(Fork("still", 0).ok());
  ASSERT_TRUE(Fork("same", 1e-3).ok());
  for (std::uint64_t seq = 21; seq < 1500; seq += 10) harness_.Observe("s", seq, 10);
  for (const char* id : {"s", "still", "same"}) harness_.Digest(id);  // behind what is under way
  const v1::ListVariantsResponse list = List();
  ASSERT_EQ(list.variants_size(), 2);
  for (const v1::Variant& variant : list.variants()) {
    ASSERT_TRUE(variant.has_difference()) << variant.DebugString();
    EXPECT_GE(variant.units(), 1000u);
    EXPECT_LE(variant.difference_low(), variant.difference());
    EXPECT_GE(variant.difference_high(), variant.difference());
    EXPECT_DOUBLE_EQ(variant.mean_loss() - variant.stream_mean_loss(), variant.difference());
  }
  EXPECT_LE(list.variants(0).mean_loss(), list.variants(1).mean_loss());
  harness_.Drop();
  harness_.Open();
  EXPECT_EQ(List().SerializeAsString(), list.SerializeAsString());
}

TEST(ComparisonTest, IntervalsHoldTheTrueDifferenceAsOftenAsTheySay) {
  std::mt19937 random(3);
  std::normal_distribution<double> noise;
  int held = 0;
  constexpr int kTimes = 1000;
  for (int time = 0; time < kTimes; ++time) {
    Comparison comparison(Tally{});
    Tally ours, theirs;
    for (std::uint64_t key = 1; key <= 10; ++key) {
      const int units = 50 * (1 + static_cast<int>(key % 3));  // places come when they come
      for (int unit = 0; unit < units; ++unit) {
        const double shared = noise(random);
        ours.loss_sum += shared + 0.1 + 0.3 * noise(random);
        theirs.loss_sum += shared;
      }
      ours.units += static_cast<std::uint64_t>(units);
      theirs.units = theirs.steps = ours.steps = ours.units;
      comparison.Theirs(key, theirs);
      comparison.Ours(key, ours);
    }
    const Interval interval = *comparison.Difference();
    held += interval.low < 0.1 && 0.1 < interval.high ? 1 : 0;
  }
  EXPECT_NEAR(held, 950, 25);
}

TEST(ComparisonTest, OnlyPlacesThatBothHaveSaidArePairedInWhateverOrderTheyAreSaid) {
  Comparison comparison(Tally{.units = 10, .steps = 10, .loss_sum = 5});
  EXPECT_FALSE(comparison.Theirs(2, {.units = 60, .steps = 60, .loss_sum = 55}));
  EXPECT_FALSE(comparison.Ours(1, {.units = 30, .steps = 30, .loss_sum = 1000}));
  EXPECT_TRUE(comparison.Ours(2, {.units = 60, .steps = 60, .loss_sum = 105}));
  EXPECT_EQ(comparison.units(), 50u);
  EXPECT_DOUBLE_EQ(*comparison.our_mean(), 2);
  EXPECT_DOUBLE_EQ(*comparison.their_mean(), 1);
  Comparison again(comparison.Stored());
  EXPECT_EQ(again.units(), 50u);
  again.Restart();
  again.Ours(3, {.units = 70, .loss_sum = 0});
  EXPECT_TRUE(again.Theirs(3, {.units = 70, .loss_sum = 9}));
  EXPECT_EQ(again.units(), 0u);
  EXPECT_FALSE(again.our_mean().has_value());
}

TEST(ComparisonTest, FiveTrialsAreABlockAndFortyHaveAnInterval) {
  Comparison comparison(Tally{});
  Tally tally;
  for (std::uint64_t trial = 1; trial <= 40; ++trial) {
    tally.units = trial;
    tally.steps = 80 * trial;
    tally.loss_sum += static_cast<double>(trial % 3);
    comparison.Theirs(trial, tally);
    EXPECT_EQ(comparison.Ours(trial, tally), trial % 5 == 0) << trial;
    EXPECT_EQ(comparison.Difference().has_value(), trial == 40) << trial;
  }
}

}  // namespace
}  // namespace millrace::server
