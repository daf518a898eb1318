// Many streams from several threads at once, with administration between; meant for
// ThreadSanitizer.

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/server/runtime/harness.h"

namespace millrace::server {
namespace {

constexpr int kThreads = 4, kStreamsEach = 4;
constexpr std::uint64_t kSteps = 120;

std::string Name(int thread, int stream) { return absl::StrCat("s-", thread, "-", stream); }

// Every second part may be carried out on the thread that brings it.
v1::LearnPartReply SendTo(Runtime* runtime, v1::LearnPart part) {
  std::promise<v1::LearnPartReply> reply;
  const bool begins = part.observe().first_seq() % 2 == 1;
  PartTask task{std::move(part), "local", nullptr,
                [&](v1::LearnPartReply answer, bool) { reply.set_value(std::move(answer)); }};
  if (begins) {
    runtime->Queue(std::move(task));
    runtime->Begin();
  } else {
    runtime->Submit(std::move(task));
  }
  return reply.get_future().get();
}

// One client thread: attaches to its streams and learns on all of them in turn.
void Learn(Runtime* runtime, int thread, std::atomic<int>* faults) {
  std::vector<v1::LearnPart> writers;
  for (int stream = 0; stream < kStreamsEach; ++stream) {
    v1::LearnPart part;
    part.set_stream(Name(thread, stream));
    part.mutable_attach();
    const v1::LearnPartReply attached = SendTo(runtime, part);
    part.set_epoch(attached.epoch());
    part.set_writer_token(attached.attach().writer_token());
    runtime->Listen(part.writer_token(), [](const std::string&, std::uint64_t, std::uint64_t) {});
    writers.push_back(part);
  }
  for (std::uint64_t seq = 1; seq <= kSteps; seq += 5) {
    for (v1::LearnPart part : writers) {
      *part.mutable_observe() = Observation(seq, 5);
      *faults += SendTo(runtime, std::move(part)).has_status() ? 1 : 0;
    }
  }
  for (const v1::LearnPart& part : writers) runtime->StopListening(part.writer_token());
}

// Looks at everything while the others learn.
void Administer(Runtime* runtime, const std::atomic<bool>* stop) {
  v1::ListStreamsRequest list;
  v1::SnapshotStreamRequest snapshot;
  snapshot.set_id(Name(0, 0));
  v1::GetStreamRequest get;
  get.set_id(Name(1, 1));
  get.set_with_digest(true);
  while (!*stop) {
    runtime->Figures();
    runtime->Health().IgnoreError();
    EXPECT_TRUE(runtime->ListStreams(list).ok());
    EXPECT_TRUE(runtime->SnapshotStream(snapshot).ok());
    EXPECT_TRUE(runtime->GetStream(get).ok());
    EXPECT_TRUE(runtime->GetStats(Name(2, 2)).ok());
  }
}

TEST(Concurrency, OfThreadsAndStreamsChangesNoBit) {
  RuntimeOptions options;
  options.sync_interval = absl::Milliseconds(1);
  options.snapshot_steps = 40;
  options.worker_threads = 2;
  Harness harness(options);
  harness.CreateModel("m");
  harness.CreateModel("synced", SmallSpec(v1::DURABILITY_SYNC));
  for (int thread = 0; thread < kThreads; ++thread) {
    for (int stream = 0; stream < kStreamsEach; ++stream) {
      harness.OpenStream(Name(thread, stream), thread % 2 == 0 ? "m" : "synced");
    }
  }
  std::atomic<int> faults = 0;
  std::atomic<bool> stop = false;
  std::vector<std::thread> learners;
  for (int thread = 0; thread < kThreads; ++thread) {
    learners.emplace_back([&, thread] { Learn(&harness.runtime(), thread, &faults); });
  }
  std::thread administrator([&] { Administer(&harness.runtime(), &stop); });
  for (std::thread& learner : learners) learner.join();
  stop = true;
  administrator.join();
  EXPECT_EQ(faults, 0);
  for (int thread = 0; thread < kThreads; ++thread) {
    const auto durability = thread % 2 == 0 ? v1::DURABILITY_PROCESS : v1::DURABILITY_SYNC;
    for (int stream = 0; stream < kStreamsEach; ++stream) {
      EXPECT_EQ(harness.Digest(Name(thread, stream)), DigestAfter(kSteps, 0, durability));
    }
  }
}

TEST(Concurrency, OfOpeningTheSameStreamMakesItOnce) {
  Harness harness;
  harness.CreateModel("m");
  std::atomic<int> created = 0;
  std::vector<std::thread> openers;
  for (int i = 0; i < 8; ++i) {
    openers.emplace_back([&] {
      v1::OpenStreamRequest request;
      request.set_id("s");
      request.set_model("m");
      request.set_request_id("same");
      const auto opened = harness.runtime().OpenStream(request);
      EXPECT_TRUE(opened.ok()) << opened.status();
      created += opened.ok() && opened->created() ? 1 : 0;
    });
  }
  for (std::thread& opener : openers) opener.join();
  EXPECT_EQ(created, 8) << "every repeat gets the first answer";
  EXPECT_EQ(harness.runtime().GetModel("m")->stream_count(), 1);
}

TEST(Concurrency, OfTheEndAndWorkInTheQueueAnswersEverything) {
  Harness harness;
  harness.CreateModel("m");
  harness.OpenStream("s");
  harness.Attach("s");
  std::vector<std::future<v1::LearnPartReply>> replies;
  for (std::uint64_t seq = 1; seq <= 4000; seq += 400) {
    v1::LearnPart part = harness.PartOf("s");
    *part.mutable_observe() = Observation(seq, 400);
    replies.push_back(harness.SendAsync(part));
  }
  harness.Drop();
  std::uint64_t applied = 0;
  for (auto& reply : replies) {
    const v1::LearnPartReply answer = reply.get();
    if (answer.has_status()) {
      EXPECT_REASON(answer.status(), kUnavailable, kDraining);
    } else {
      applied = answer.applied_seq();
    }
  }
  harness.Open();
  EXPECT_GE(harness.Stream("s").applied_seq(), applied);
  EXPECT_EQ(harness.Digest("s"), DigestAfter(harness.Stream("s").applied_seq()));
}

}  // namespace
}  // namespace millrace::server
