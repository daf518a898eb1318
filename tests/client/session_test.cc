// Sessions and writers against a server of the test's own, with calls that break.
#include "client/cpp/session.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "client/cpp/client.h"
#include "client/cpp/status.h"
#include "client/cpp/stream_writer.h"
#include "tests/client/fake_server.h"

namespace millrace::client {
namespace {

constexpr FakeShape kDelayed{
    .inputs = 1, .outputs = 3, .classes = true, .next_input = false, .delayed = true};

// Steps first to first + steps - 1 with inputs equal to their numbers.
Observation Steps(std::uint64_t first, std::uint32_t steps) {
  Observation observation;
  observation.steps = steps;
  for (std::uint32_t t = 0; t < steps; ++t) {
    observation.body.add_floats(static_cast<float>(first + t));
  }
  return observation;
}

v1::LateTargets Release(std::uint64_t first, std::uint32_t steps) {
  v1::LateTargets targets;
  v1::TargetBlock* block = targets.add_blocks();
  block->set_first_seq(first);
  block->set_steps(steps);
  block->add_classes(static_cast<int>(first % 3));
  targets.set_no_target_through(first + steps - 1);
  return targets;
}

class SessionTest : public testing::Test {
 protected:
  SessionTest() {
    server_.AddStream("s", kDelayed);
    client_ = Client::Connect({.server = server_.address()}).value();
    SessionOptions options;
    options.first_backoff = absl::Milliseconds(2);
    options.most_backoff = absl::Milliseconds(50);
    session_ = client_->StartSession(options);
  }

  std::string Digest(const std::string& stream) {
    std::string digest;
    server_.WithStream(stream, [&](FakeStream& s) { digest = s.Digest(); });
    return digest;
  }

  FakeServer server_;
  std::unique_ptr<Client> client_;
  std::shared_ptr<Session> session_;
};

TEST_F(SessionTest, AttachTellsWhereTheStreamStands) {
  server_.WithStream("s", [](FakeStream& s) { s.applied_seq = s.durable_seq = 41; });
  const auto writer = session_->Attach("s");
  ASSERT_TRUE(writer.ok()) << writer.status();
  EXPECT_EQ((*writer)->numbers().applied_seq, 41u);
  EXPECT_EQ((*writer)->numbers().epoch, 1u);
  EXPECT_EQ((*writer)->next_seq(), 42u);
}

TEST_F(SessionTest, AnUnknownStreamIsRefusedWithTheServersReason) {
  EXPECT_EQ(ReasonOf(session_->Attach("nobody").status()), "NO_STREAM");
}

TEST_F(SessionTest, ASecondWriterOfOneSessionIsRefusedHere) {
  const auto writer = session_->Attach("s");
  EXPECT_EQ(session_->Attach("s").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(SessionTest, AttachingToAServerThatIsDownEndsWithTheDeadlineAndSaysWhy) {
  server_.Stop();
  const absl::Status status = session_->Attach("s", absl::Milliseconds(300)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_NE(status.message().find("is the server running?"), std::string::npos) << status;
}

TEST_F(SessionTest, SingleStepsAndBulkGiveAPredictionForEveryStep) {
  auto writer = session_->Attach("s").value();
  const float x[] = {1};
  const auto step = writer->Step(x);
  ASSERT_TRUE(step.ok()) << step.status();
  EXPECT_EQ(step->outputs_a_step, 3u);
  EXPECT_EQ(step->has_prediction, std::vector<std::uint8_t>{1});
  const auto bulk = writer->Observe(Steps(2, 5000)).get();
  ASSERT_TRUE(bulk.ok()) << bulk.status();
  EXPECT_EQ(bulk->first_seq, 2u);
  EXPECT_EQ(bulk->outputs.size(), 15000u);
  EXPECT_EQ(bulk->lost_replies, 0u);
  EXPECT_EQ(writer->numbers().applied_seq, 5001u);
}

TEST_F(SessionTest, TheWindowIsNeverExceeded) {
  server_.SetWindow(64, 1 << 20);
  auto writer = session_->Attach("s").value();
  std::vector<std::future<absl::StatusOr<Observed>>> results;
  for (int i = 0; i < 40; ++i) results.push_back(writer->Observe(Steps(1, 100)));
  for (auto& result : results) ASSERT_TRUE(result.get().ok());
  EXPECT_LE(server_.most_unanswered_steps(), 64u);
  EXPECT_EQ(writer->numbers().applied_seq, 4000u);
}

TEST_F(SessionTest, AFaultOfOneStreamLeavesTheOthersOfTheCallAlone) {
  server_.AddStream("other", kDelayed);
  auto writer = session_->Attach("s").value();
  auto other = session_->Attach("other").value();
  server_.OnPart([](const v1::LearnPart& part) {
    if (part.stream() != "s") return Fault();
    return Fault{Fault::Kind::kRefuse,
                 FakeError(absl::StatusCode::kResourceExhausted, "DISK", "no space")};
  });
  EXPECT_EQ(ReasonOf(writer->Observe(Steps(1, 1)).get().status()), "DISK");
  EXPECT_TRUE(other->Observe(Steps(1, 1)).get().ok());
  EXPECT_EQ(session_->calls_opened(), 1);
  server_.OnPart(nullptr);
  EXPECT_TRUE(writer->Observe(Steps(1, 1)).get().ok());
}

TEST_F(SessionTest, ANewerWriterFencesTheOlderWhichDoesNotComeBack) {
  auto writer = session_->Attach("s").value();
  ASSERT_TRUE(writer->Observe(Steps(1, 1)).get().ok());
  auto newer_session = client_->StartSession();
  auto newer = newer_session->Attach("s").value();
  EXPECT_EQ(ReasonOf(writer->Observe(Steps(2, 1)).get().status()), "FENCED");
  EXPECT_EQ(ReasonOf(writer->Settle().get().status()), "FENCED");
  EXPECT_TRUE(newer->Observe(Steps(2, 1)).get().ok());
}

TEST_F(SessionTest, WhatWasSentWhileTheServerWasDownArrivesWhenItIsBack) {
  auto writer = session_->Attach("s").value();
  ASSERT_TRUE(writer->Observe(Steps(1, 10)).get().ok());
  server_.Stop();
  auto result = writer->Observe(Steps(11, 10));
  auto release = writer->LateTargets(Release(1, 5));
  server_.Start();
  ASSERT_TRUE(result.get().ok());
  ASSERT_TRUE(release.get().ok());
  server_.WithStream("s", [](FakeStream& s) {
    EXPECT_EQ(s.applied_seq, 20u);
    EXPECT_EQ(s.learned_seq, 5u);
  });
  EXPECT_GE(session_->calls_opened(), 2);
}

TEST_F(SessionTest, AnOperationEndsAtItsDeadlineWhileTheServerIsDown) {
  auto writer = session_->Attach("s").value();
  ASSERT_TRUE(writer->Observe(Steps(1, 1)).get().ok());
  server_.Stop();
  const auto result = writer->Observe(Steps(2, 1), absl::Milliseconds(300)).get();
  EXPECT_EQ(result.status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(SessionTest, AnOperationOfAnIdleSessionEndsAtItsDeadlineWhileTheServerIsSilent) {
  auto writer = session_->Attach("s").value();
  server_.HoldReplies(true);
  auto result = writer->Observe(Steps(1, 1), absl::Milliseconds(200));
  ASSERT_EQ(result.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(ReasonOf(result.get().status()), kInDoubt);
}

TEST_F(SessionTest, ThreadsThatStepTheirStreamsAreAllAnswered) {
  constexpr int kThreads = 4;
  constexpr std::uint64_t kSteps = 300;
  for (int i = 0; i < kThreads; ++i) server_.AddStream("t" + std::to_string(i), kDelayed);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this, i] {
      auto writer = session_->Attach("t" + std::to_string(i)).value();
      for (std::uint64_t seq = 1; seq <= kSteps; ++seq) {
        // Some wait, some follow close behind.
        auto result = writer->Observe(Steps(seq, 1));
        if (seq % 3 != 0) {
          EXPECT_TRUE(result.get().ok());
        }
        if (i == 0 && seq % 100 == 0) server_.Restart();
      }
      EXPECT_TRUE(writer->Observe(Steps(kSteps + 1, 1)).get().ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < kThreads; ++i) {
    server_.WithStream("t" + std::to_string(i),
                       [](FakeStream& s) { EXPECT_EQ(s.applied_seq, kSteps + 1); });
  }
}

TEST_F(SessionTest, APartRefusedBecauseTheServerDrainsIsSentAgainToTheNext) {
  auto writer = session_->Attach("s").value();
  std::atomic<int> refusals = 2;
  server_.OnPart([&](const v1::LearnPart&) {
    if (refusals == 0) return Fault();
    --refusals;
    return Fault{Fault::Kind::kRefuse,
                 FakeError(absl::StatusCode::kUnavailable, "DRAINING", "the server drains")};
  });
  ASSERT_TRUE(writer->Observe(Steps(1, 3)).get().ok());
  EXPECT_GE(session_->calls_opened(), 2);
  server_.WithStream("s", [](FakeStream& s) { EXPECT_EQ(s.applied_seq, 3u); });
}

TEST_F(SessionTest, UnansweredOperationsAreCancelledWithTheWriter) {
  auto writer = session_->Attach("s").value();
  server_.HoldReplies(true);
  auto result = writer->Observe(Steps(1, 1));
  ASSERT_TRUE(server_.WaitFor("s", [](const FakeStream& s) { return s.applied_seq == 1; }));
  writer.reset();
  EXPECT_EQ(result.get().status().code(), absl::StatusCode::kCancelled);
}

// The whole promise at once: with calls broken at random places, before and after a part was
// applied, the stream ends in the state of an unbroken run.
void Play(StreamWriter* writer, std::vector<std::future<absl::StatusOr<Observed>>>* observed) {
  std::vector<std::future<absl::StatusOr<Acknowledged>>> acknowledged;
  std::uint64_t seq = 1;
  for (int trial = 0; trial < 60; ++trial) {
    const std::uint32_t steps = 1 + static_cast<std::uint32_t>(trial) % 9;
    Observation trial_steps = Steps(seq, steps);
    if (trial % 7 == 3) trial_steps.body.add_reset_before(steps / 2);
    observed->push_back(writer->Observe(std::move(trial_steps)));
    acknowledged.push_back(writer->LateTargets(Release(seq, steps)));
    seq += steps;
    if (trial % 20 == 19) acknowledged.push_back(writer->Settle());
  }
  for (auto& result : acknowledged) {
    const auto value = result.get();
    EXPECT_TRUE(value.ok()) << value.status();
  }
}

TEST_F(SessionTest, BrokenCallsLeaveNoHoleAndNoDouble) {
  server_.AddStream("unbroken", kDelayed);
  std::vector<std::future<absl::StatusOr<Observed>>> results;
  {
    auto writer = session_->Attach("unbroken").value();
    Play(writer.get(), &results);
  }
  server_.SetWindow(16, 1 << 20);
  for (unsigned seed = 0; seed < 8; ++seed) {
    const std::string name = "broken" + std::to_string(seed);
    server_.AddStream(name, kDelayed);
    auto random = std::make_shared<std::mt19937>(seed);
    server_.OnPart([random](const v1::LearnPart& part) {
      if (part.has_attach() || (*random)() % 12 != 0) return Fault();
      return Fault{(*random)() % 2 == 0 ? Fault::Kind::kDropBefore : Fault::Kind::kDropAfter, {}};
    });
    results.clear();
    auto writer = session_->Attach(name).value();
    Play(writer.get(), &results);
    std::uint32_t lost = 0;
    for (auto& future : results) {
      const auto result = future.get();
      ASSERT_TRUE(result.ok()) << result.status();
      lost += result->lost_replies;
    }
    EXPECT_GT(lost, 0u);
    server_.WithStream(name, [](FakeStream& s) { EXPECT_EQ(s.duplicate_steps, 0); });
    std::vector<std::pair<std::uint64_t, float>> expected, got;
    std::vector<std::uint64_t> resets, got_resets;
    server_.WithStream("unbroken", [&](FakeStream& s) { expected = s.learned, resets = s.resets; });
    server_.WithStream(name, [&](FakeStream& s) { got = s.learned, got_resets = s.resets; });
    EXPECT_EQ(got, expected);
    EXPECT_EQ(got_resets, resets);
  }
  EXPECT_GT(session_->calls_opened(), 10);
}

TEST_F(SessionTest, StepsThatWereAnsweredButNotDurableSurviveAServerThatLostThem) {
  server_.WithStream("s", [](FakeStream& s) { s.durable_at_once = false; });
  auto writer = session_->Attach("s").value();
  ASSERT_TRUE(writer->Observe(Steps(1, 8)).get().ok());
  server_.Stop();
  // The power failed: the last five steps were never synced.
  server_.WithStream("s", [](FakeStream& s) {
    s.applied_seq = s.durable_seq = 3;
    s.first_inputs.resize(3);
  });
  server_.Start();
  ASSERT_TRUE(writer->Observe(Steps(9, 2)).get().ok());
  server_.WithStream("s", [](FakeStream& s) {
    EXPECT_EQ(s.first_inputs, (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  });
}

}  // namespace
}  // namespace millrace::client
