// The data plane: who may write, what is applied, what is refused.

#include <algorithm>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/runtime/harness.h"

namespace millrace::server {
namespace {

class LearningTest : public testing::Test {
 protected:
  LearningTest() {
    harness_.CreateModel("m");
    harness_.OpenStream("s");
    harness_.Attach("s");
  }
  Harness harness_;
};

TEST_F(LearningTest, AnswersEachStepWithAPredictionAndItsNumbers) {
  v1::LearnPart part = harness_.PartOf("s");
  part.set_part_id(17);
  *part.mutable_observe() = Observation(1, 3);
  const v1::LearnPartReply reply = harness_.Send(part);
  ASSERT_FALSE(reply.has_status()) << reply.status().message();
  EXPECT_EQ(reply.part_id(), 17u);
  EXPECT_EQ(reply.stream(), "s");
  EXPECT_EQ(reply.applied_seq(), 3u);
  EXPECT_EQ(reply.learned_seq(), 3u);
  EXPECT_EQ(reply.durable_seq(), 3u);
  EXPECT_EQ(reply.observe().first_seq(), 1u);
  EXPECT_EQ(reply.observe().outputs_size(), 3 * kOutputs);
  EXPECT_EQ(reply.observe().loss_size(), 3);
}

TEST_F(LearningTest, ComesToTheSameStateHoweverTheStepsAreGrouped) {
  harness_.OpenStream("bulk");
  harness_.Attach("bulk");
  for (std::uint64_t seq = 1; seq <= 1500; ++seq) harness_.Observe("s", seq, 1);
  const v1::LearnPartReply bulk = harness_.Observe("bulk", 1, 1500);
  EXPECT_EQ(bulk.observe().steps(), 1500u);
  EXPECT_EQ(bulk.observe().outputs_size(), 1500 * kOutputs);
  EXPECT_EQ(bulk.observe().loss_size(), 1500);
  EXPECT_EQ(harness_.Digest("bulk"), harness_.Digest("s"));
  EXPECT_EQ(harness_.Digest("bulk"), DigestAfter(1500));
}

TEST_F(LearningTest, SkipsWhatIsAppliedAndAppliesTheRest) {
  harness_.Observe("s", 1, 10);
  const v1::LearnPartReply repeated = harness_.Observe("s", 1, 10);
  ASSERT_FALSE(repeated.has_status()) << repeated.status().message();
  EXPECT_EQ(repeated.observe().skipped(), 10u);
  EXPECT_EQ(repeated.observe().steps(), 0u);
  EXPECT_EQ(harness_.Stream("s").event(), 1u) << "a repeat is no event";
  const v1::LearnPartReply overlapping = harness_.Observe("s", 6, 1000);
  EXPECT_EQ(overlapping.observe().skipped(), 5u);
  EXPECT_EQ(overlapping.observe().first_seq(), 11u);
  EXPECT_EQ(overlapping.observe().steps(), 995u);
  EXPECT_EQ(harness_.Digest("s"), DigestAfter(1005));
}

TEST_F(LearningTest, RefusesAGapAndNamesTheExpectedStep) {
  harness_.Observe("s", 1, 2);
  const v1::LearnPartReply reply = harness_.Observe("s", 4, 1);
  EXPECT_REASON(reply.status(), kOutOfRange, "SEQUENCE_GAP");
  EXPECT_EQ(reply.applied_seq(), 2u);
  EXPECT_EQ(harness_.Digest("s"), DigestAfter(2));
}

TEST_F(LearningTest, RefusesAWriterThatIsNotAttached) {
  harness_.OpenStream("t");
  EXPECT_REASON(harness_.Observe("t", 1, 1).status(), kFailedPrecondition, kNotAttached);
  v1::LearnPart part = harness_.PartOf("s");
  part.clear_writer_token();
  *part.mutable_observe() = Observation(1, 1);
  EXPECT_REASON(harness_.Send(part).status(), kFailedPrecondition, kNotAttached);
}

TEST_F(LearningTest, FencesTheOlderWriter) {
  v1::LearnPart old = harness_.PartOf("s");
  const v1::LearnPartReply attached = harness_.Attach("s");
  EXPECT_NE(attached.attach().writer_token(), old.writer_token());
  *old.mutable_observe() = Observation(1, 1);
  EXPECT_REASON(harness_.Send(old).status(), kFailedPrecondition, kFenced);
  EXPECT_FALSE(harness_.Observe("s", 1, 1).has_status());
}

TEST_F(LearningTest, RefusesAPartOfAnotherEpoch) {
  v1::LearnPart part = harness_.PartOf("s");
  part.set_epoch(part.epoch() + 1);
  *part.mutable_observe() = Observation(1, 1);
  EXPECT_REASON(harness_.Send(part).status(), kFailedPrecondition, kStaleEpoch);
}

TEST_F(LearningTest, RefusesUnknownStreamsAndBadNamesAndEmptyParts) {
  EXPECT_REASON(harness_.Observe("nobody", 1, 1).status(), kNotFound, kNoStream);
  EXPECT_REASON(harness_.Observe("../etc", 1, 1).status(), kInvalidArgument, kBadName);
  EXPECT_REASON(harness_.Send(harness_.PartOf("s")).status(), kInvalidArgument, kBadPart);
  v1::LearnPart part = harness_.PartOf("s");
  *part.mutable_observe() = Observation(1, 1);
  part.mutable_observe()->set_skip(1);
  EXPECT_REASON(harness_.Send(part).status(), kInvalidArgument, kBadPart);
}

TEST_F(LearningTest, RefusesWrongShapesAndChangesNothing) {
  const std::string before = harness_.Digest("s");
  v1::LearnPart part = harness_.PartOf("s");
  *part.mutable_observe() = Observation(1, 3);
  part.mutable_observe()->add_floats(1);
  EXPECT_REASON(harness_.Send(part).status(), kInvalidArgument, "BAD_SHAPE");
  EXPECT_EQ(harness_.Digest("s"), before);
  EXPECT_EQ(harness_.Stream("s").event(), 0u);
}

TEST_F(LearningTest, TakesACancelledPartBackBeforeTheJournal) {
  v1::LearnPart part = harness_.PartOf("s");
  *part.mutable_observe() = Observation(1, 3);
  std::promise<v1::LearnPartReply> reply;
  harness_.runtime().Submit({part, "local", [] { return false; },
                             [&](v1::LearnPartReply answer, bool) { reply.set_value(answer); }});
  EXPECT_EQ(reply.get_future().get().status().code(),
            static_cast<int>(absl::StatusCode::kCancelled));
  EXPECT_EQ(harness_.Stream("s").applied_seq(), 0u);
}

// The thread that answers `part` after Queue and Begin.
std::thread::id AnsweringThread(Runtime* runtime, v1::LearnPart part) {
  std::promise<std::thread::id> answered;
  runtime->Queue({std::move(part), "local", nullptr, [&](const v1::LearnPartReply& reply, bool) {
                    EXPECT_FALSE(reply.has_status()) << reply.status().message();
                    answered.set_value(std::this_thread::get_id());
                  }});
  runtime->Begin();
  return answered.get_future().get();
}

// Sends parts of `steps` steps from first_seq on until one was carried out on this thread: not at
// once where the thread that answered the one before is not done with its batch. Returns the step
// after it.
std::uint64_t StepUntilItRunsHere(Harness* harness, std::uint64_t first_seq,
                                  std::uint32_t steps = 1) {
  std::uint64_t seq = first_seq;
  for (int tries = 0; tries < 1000; ++tries) {
    v1::LearnPart part = harness->PartOf("s");
    *part.mutable_observe() = Observation(seq, steps);
    seq += steps;
    const auto thread = AnsweringThread(&harness->runtime(), part);
    if (thread == std::this_thread::get_id()) return seq;
    std::this_thread::yield();
  }
  ADD_FAILURE() << "no part was carried out on the thread that began it";
  return seq;
}

TEST_F(LearningTest, CarriesOutAShortPartOnTheThreadThatBeginsItAndALongOneOnItsOwn) {
  std::uint64_t seq = StepUntilItRunsHere(&harness_, 1);
  v1::LearnPart part = harness_.PartOf("s");
  *part.mutable_observe() = Observation(seq, 3000);
  EXPECT_NE(AnsweringThread(&harness_.runtime(), part), std::this_thread::get_id());
  seq = StepUntilItRunsHere(&harness_, seq + 3000);
  EXPECT_EQ(harness_.Digest("s"), DigestAfter(seq - 1));
}

TEST_F(LearningTest, CarriesOutALongerPartOnTheThreadThatBeginsItOnceItsStreamSendsAlone) {
  constexpr std::uint32_t kLonger = 400;
  harness_.OpenStream("t");
  harness_.Attach("t");
  v1::LearnPart part = harness_.PartOf("s");
  *part.mutable_observe() = Observation(1, kLonger);
  EXPECT_NE(AnsweringThread(&harness_.runtime(), part), std::this_thread::get_id());
  const std::uint64_t seq = StepUntilItRunsHere(&harness_, 1 + kLonger, kLonger);
  EXPECT_EQ(harness_.Digest("s"), DigestAfter(seq - 1));
}

TEST_F(LearningTest, CarriesOutShortPartsThatCameTogetherOnTheThreadThatBeginsThem) {
  constexpr std::uint64_t kParts = 8;
  std::uint64_t seq = StepUntilItRunsHere(&harness_, 1);
  std::uint64_t here = 0;
  // Not at once where the scheduler looks for idle streams just then.
  for (int tries = 0; tries < 1000 && here < kParts; ++tries) {
    std::vector<std::future<std::thread::id>> answered;
    for (const std::uint64_t end = seq + kParts; seq < end; ++seq) {
      auto thread = std::make_shared<std::promise<std::thread::id>>();
      answered.push_back(thread->get_future());
      PartTask task{harness_.PartOf("s"), "local", nullptr,
                    [thread](const v1::LearnPartReply& reply, bool) {
                      EXPECT_FALSE(reply.has_status()) << reply.status().message();
                      thread->set_value(std::this_thread::get_id());
                    }};
      *task.part.mutable_observe() = Observation(seq, 1);
      harness_.runtime().Queue(std::move(task));
    }
    harness_.runtime().Begin();
    here = 0;
    for (auto& thread : answered) here += thread.get() == std::this_thread::get_id() ? 1 : 0;
  }
  EXPECT_EQ(here, kParts);
  EXPECT_EQ(harness_.Digest("s"), DigestAfter(seq - 1));
}

TEST_F(LearningTest, TellsOfEveryReplyOfABatchButTheLastOfItsCallThatMoreFollow) {
  constexpr int kStreams = 8;
  const int calls[2] = {};
  std::mutex mutex;
  std::vector<bool> more[2];
  std::promise<void> all;
  for (int i = 0; i < kStreams; ++i) {
    harness_.OpenStream(absl::StrCat("s-", i));
    harness_.Attach(absl::StrCat("s-", i));
  }
  for (int i = 0; i < kStreams; ++i) {
    const std::string id = absl::StrCat("s-", i);
    PartTask task{harness_.PartOf(id), "local", nullptr,
                  [&, of = i % 2](const v1::LearnPartReply& reply, bool more_follow) {
                    EXPECT_FALSE(reply.has_status()) << reply.status().message();
                    const std::lock_guard lock(mutex);
                    more[of].push_back(more_follow);
                    if (more[0].size() + more[1].size() == kStreams) all.set_value();
                  },
                  &calls[i % 2]};
    *task.part.mutable_observe() = Observation(1, 1);
    harness_.runtime().Queue(std::move(task));
  }
  harness_.runtime().Begin();
  all.get_future().wait();
  for (const std::vector<bool>& of_call : more) {
    EXPECT_FALSE(of_call.back());
    // Two batches where the scheduler just looked for idle streams.
    EXPECT_LE(std::count(of_call.begin(), of_call.end(), false), 2);
  }
}

TEST_F(LearningTest, SnapshotsWhatIsDueThoughEveryPartRunsOnTheThreadThatBeginsIt) {
  RuntimeOptions options;
  options.snapshot_steps = 10;
  Harness harness(options);
  harness.CreateModel("m");
  harness.OpenStream("s");
  harness.Attach("s");
  v1::ListSnapshotsRequest request;
  request.set_id("s");
  std::uint64_t seq = 1;
  while (seq < 40) seq = StepUntilItRunsHere(&harness, seq);
  EXPECT_GE(harness.runtime().ListSnapshots(request)->snapshots_size(), 2);
  EXPECT_EQ(harness.Digest("s"), DigestAfter(seq - 1));
}

TEST_F(LearningTest, RefusesAPartLargerThanTheWindow) {
  EXPECT_REASON(harness_.Observe("s", 1, 4097).status(), kResourceExhausted, kWindow);
  EXPECT_FALSE(harness_.Observe("s", 1, 4096).has_status()) << "the window is free again";
}

TEST_F(LearningTest, RefusesWhatIsBeyondTheWindowAndTheGapBehindIt) {
  // The stream's thread waits inside an answer, so that what follows stays unanswered.
  std::promise<void> let_go;
  std::shared_future<void> released = let_go.get_future().share();
  v1::LearnPart first = harness_.PartOf("s");
  *first.mutable_observe() = Observation(1, 1);
  harness_.runtime().Submit(
      {first, "local", nullptr, [released](v1::LearnPartReply, bool) { released.wait(); }});
  std::vector<std::future<v1::LearnPartReply>> replies;
  std::uint64_t seq = 2;
  for (const std::uint32_t steps : {4000, 1000, 10}) {
    v1::LearnPart part = harness_.PartOf("s");
    *part.mutable_observe() = Observation(seq, steps);
    replies.push_back(harness_.SendAsync(part));
    seq += steps;
  }
  let_go.set_value();
  EXPECT_FALSE(replies[0].get().has_status());
  EXPECT_REASON(replies[1].get().status(), kResourceExhausted, kWindow);
  EXPECT_REASON(replies[2].get().status(), kOutOfRange, "SEQUENCE_GAP");
  EXPECT_EQ(harness_.Stream("s").applied_seq(), 4001u);
  EXPECT_FALSE(harness_.Observe("s", 4002, 1000).has_status());
}

TEST_F(LearningTest, RefusesObservationsBeforeTheJournalWhereTheDiskIsFull) {
  harness_.Observe("s", 1, 5);
  harness_.environment().SetFreeBytes(harness_.options().min_free_bytes - 1);
  EXPECT_REASON(harness_.Observe("s", 6, 1).status(), kResourceExhausted, kDisk);
  EXPECT_EQ(harness_.runtime().Health().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(harness_.Digest("s"), DigestAfter(5));
  harness_.environment().SetFreeBytes(harness_.options().min_free_bytes);
  EXPECT_FALSE(harness_.Observe("s", 6, 1).has_status());
  EXPECT_TRUE(harness_.runtime().Health().ok());
}

TEST_F(LearningTest, PeeksWithoutChangingAnything) {
  harness_.Observe("s", 1, 5);
  const std::string before = harness_.Digest("s");
  v1::PeekRequest request;
  request.set_stream("s");
  for (int i = 0; i < kInputs; ++i) request.add_floats(InputAt(6, i));
  const auto peeked = harness_.runtime().Peek(request);
  ASSERT_TRUE(peeked.ok()) << peeked.status();
  EXPECT_EQ(peeked->next_seq(), 6u);
  EXPECT_EQ(harness_.Digest("s"), before);
  const v1::LearnPartReply reply = harness_.Observe("s", 6, 1);
  ASSERT_EQ(peeked->outputs_size(), kOutputs);
  for (int i = 0; i < kOutputs; ++i) EXPECT_EQ(peeked->outputs(i), reply.observe().outputs(i));
}

TEST_F(LearningTest, AppliesResetsAndOffsetsOfALongPartWhereTheyBelong) {
  v1::Observe observe = Observation(1, 1200);
  for (const std::uint32_t offset : {0, 499, 500, 700, 1199}) observe.add_reset_before(offset);
  for (const std::uint32_t offset : {3, 800}) observe.add_score_only(offset);
  harness_.OpenStream("single");
  harness_.Attach("single");
  v1::LearnPart part = harness_.PartOf("s");
  *part.mutable_observe() = observe;
  EXPECT_FALSE(harness_.Send(part).has_status());
  for (std::uint32_t offset = 0; offset < 1200; ++offset) {
    v1::LearnPart one = harness_.PartOf("single");
    *one.mutable_observe() = Observation(offset + 1, 1);
    for (const std::uint32_t marked : observe.reset_before()) {
      if (marked == offset) one.mutable_observe()->add_reset_before(0);
    }
    for (const std::uint32_t marked : observe.score_only()) {
      if (marked == offset) one.mutable_observe()->add_score_only(0);
    }
    EXPECT_FALSE(harness_.Send(one).has_status());
  }
  EXPECT_EQ(harness_.Digest("s"), harness_.Digest("single"));
}

TEST_F(LearningTest, GivesLossesButNoOutputsToWhoWantsNothing) {
  v1::LearnPart part = harness_.PartOf("s");
  *part.mutable_observe() = Observation(1, 10);
  part.mutable_observe()->mutable_want()->set_nothing(true);
  const v1::LearnPartReply reply = harness_.Send(part);
  EXPECT_EQ(reply.observe().steps(), 10u);
  EXPECT_EQ(reply.observe().outputs_size(), 0);
  EXPECT_EQ(reply.observe().loss_size(), 10);
}

}  // namespace
}  // namespace millrace::server
