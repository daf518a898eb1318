// Streams leave memory and come back as they were.

#include <future>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "gtest/gtest.h"
#include "tests/server/runtime/harness.h"

namespace millrace::server {
namespace {

constexpr int kStreams = 12;

std::string Name(int i) { return absl::StrCat("stream-", i); }

std::int64_t StreamBytes() {
  Harness harness;
  harness.CreateModel("m");
  return harness.runtime().GetModel("m")->stream_bytes();
}

int Resident(Harness* harness) {
  int resident = 0;
  for (int i = 0; i < kStreams; ++i) resident += harness->Stream(Name(i)).resident() ? 1 : 0;
  return resident;
}

TEST(Paging, KeepsToTheMemoryLimitAndLosesNoBit) {
  RuntimeOptions options;
  options.memory_limit_bytes = 4 * StreamBytes();
  Harness harness(options);
  harness.CreateModel("m");
  for (int i = 0; i < kStreams; ++i) {
    harness.OpenStream(Name(i), "m", static_cast<std::uint64_t>(i));
    harness.Attach(Name(i));
  }
  for (std::uint64_t seq = 1; seq <= 60; seq += 20) {
    for (int i = 0; i < kStreams; ++i) {
      const v1::LearnPartReply reply = harness.Observe(Name(i), seq, 20);
      ASSERT_FALSE(reply.has_status()) << reply.status().message();
    }
    EXPECT_LE(Resident(&harness), 4);
    EXPECT_GE(Resident(&harness), 2);
  }
  EXPECT_LE(harness.runtime().Figures().resident_bytes, options.memory_limit_bytes);
  for (int i = 0; i < kStreams; ++i) {
    EXPECT_EQ(harness.Digest(Name(i)), DigestAfter(60, static_cast<std::uint64_t>(i)));
  }
}

TEST(Paging, LosesNothingOfStreamsWithoutAJournal) {
  RuntimeOptions options;
  options.memory_limit_bytes = 2 * StreamBytes();
  Harness harness(options);
  harness.CreateModel("m", SmallSpec(v1::DURABILITY_APPLIED));
  for (int i = 0; i < 4; ++i) {
    harness.OpenStream(Name(i));
    harness.Attach(Name(i));
    harness.Observe(Name(i), 1, 20);
  }
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(harness.Digest(Name(i)), DigestAfter(20, 0, v1::DURABILITY_APPLIED));
  }
}

TEST(Paging, ServesManyStreamsAtOnceFromLittleMemory) {
  RuntimeOptions options;
  options.memory_limit_bytes = 3 * StreamBytes();
  Harness harness(options);
  harness.CreateModel("m");
  std::vector<std::future<v1::LearnPartReply>> replies;
  for (int i = 0; i < kStreams; ++i) {
    harness.OpenStream(Name(i));
    harness.Attach(Name(i));
  }
  for (std::uint64_t seq = 1; seq <= 30; seq += 10) {
    for (int i = 0; i < kStreams; ++i) {
      v1::LearnPart part = harness.PartOf(Name(i));
      *part.mutable_observe() = Observation(seq, 10);
      replies.push_back(harness.SendAsync(part));
    }
  }
  for (auto& reply : replies) EXPECT_FALSE(reply.get().has_status());
  for (int i = 0; i < kStreams; ++i) EXPECT_EQ(harness.Digest(Name(i)), DigestAfter(30));
}

TEST(Paging, RefusesAStreamThatDoesNotFitAtAll) {
  RuntimeOptions options;
  options.memory_limit_bytes = StreamBytes() - 1;
  Harness harness(options);
  harness.CreateModel("m");
  v1::OpenStreamRequest request;
  request.set_id("s");
  request.set_model("m");
  const auto opened = harness.runtime().OpenStream(request);
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(engine::ReasonOf(opened.status()), kMemory);
  EXPECT_EQ(harness.runtime().GetModel("m")->stream_count(), 0) << "and it does not exist";
}

TEST(Paging, PutsIdleStreamsOutAndBringsThemBack) {
  Harness harness;
  harness.CreateModel("m");
  for (const std::string id : {"idle", "busy"}) {
    harness.OpenStream(id);
    harness.Attach(id);
    harness.Observe(id, 1, 10);
  }
  const v1::StreamStats before = *harness.runtime().GetStats("idle");
  harness.environment().Advance(harness.options().idle_page_out / 2);
  harness.Observe("busy", 11, 1);
  harness.environment().Advance(harness.options().idle_page_out / 2);
  // The scheduler looks after every batch, before it answers the next one's call.
  harness.Observe("busy", 12, 1);
  harness.Observe("busy", 13, 1);
  EXPECT_FALSE(harness.Stream("idle").resident());
  EXPECT_TRUE(harness.Stream("busy").resident());
  EXPECT_EQ(harness.runtime().GetStats("idle")->SerializeAsString(), before.SerializeAsString());
  EXPECT_FALSE(harness.Stream("idle").resident()) << "statistics are told without loading";
  EXPECT_FALSE(harness.Observe("idle", 11, 10).has_status()) << "its writer is still attached";
  EXPECT_TRUE(harness.Stream("idle").resident());
  EXPECT_EQ(harness.Digest("idle"), DigestAfter(20));
}

}  // namespace
}  // namespace millrace::server
