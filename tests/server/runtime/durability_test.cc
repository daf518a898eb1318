// What survives a crash, and that no reply says more.

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>

#include "gtest/gtest.h"
#include "server/store/watermark.h"
#include "tests/server/runtime/harness.h"

namespace millrace::server {
namespace {

template <typename Request>
Request Of(const std::string& id) {
  Request request;
  request.set_id(id);
  return request;
}

TEST(Durability, OfProcessKeepsEveryAnsweredStepThroughACrash) {
  Harness harness;
  harness.CreateModel("m");
  harness.OpenStream("s", "m", 7);
  harness.Attach("s");
  std::map<std::uint64_t, std::string> crashed;
  for (std::uint64_t seq = 1; seq <= 900; seq += 300) {
    const v1::LearnPartReply reply = harness.Observe("s", seq, 300);
    EXPECT_EQ(reply.durable_seq(), reply.applied_seq());
    crashed[seq + 299] = harness.Crashed("crash-" + std::to_string(seq));
  }
  for (const auto& [steps, folder] : crashed) {
    harness.Open(folder);
    const v1::Stream stream = harness.Stream("s");
    EXPECT_EQ(stream.applied_seq(), steps);
    EXPECT_EQ(stream.learned_seq(), steps);
    EXPECT_EQ(stream.durable_seq(), steps);
    EXPECT_EQ(harness.Digest("s"), DigestAfter(steps, 7));
  }
}

TEST(Durability, OfAppliedIsTheLastSnapshots) {
  Harness harness;
  harness.CreateModel("m", SmallSpec(v1::DURABILITY_APPLIED));
  harness.OpenStream("s");
  harness.Attach("s");
  EXPECT_EQ(harness.Observe("s", 1, 10).durable_seq(), 0u);
  ASSERT_TRUE(harness.runtime().SnapshotStream(Of<v1::SnapshotStreamRequest>("s")).ok());
  EXPECT_EQ(harness.Stream("s").durable_seq(), 10u);
  EXPECT_EQ(harness.Observe("s", 11, 5).durable_seq(), 10u);
  harness.Open(harness.Crashed("crash"));
  EXPECT_EQ(harness.Stream("s").applied_seq(), 10u);
  EXPECT_EQ(harness.Digest("s"), DigestAfter(10, 0, v1::DURABILITY_APPLIED));
  harness.Attach("s", 10);
  EXPECT_FALSE(harness.Observe("s", 11, 5).has_status());
}

// Hears durable_seq of one stream.
class Ear {
 public:
  Runtime::DurableListener Listener() {
    return [this](const std::string&, std::uint64_t, std::uint64_t durable_seq) {
      const std::lock_guard lock(mutex_);
      durable_seq_ = durable_seq;
      heard_.notify_all();
    };
  }
  void WaitFor(std::uint64_t durable_seq) {
    std::unique_lock lock(mutex_);
    heard_.wait(lock, [&] { return durable_seq_ >= durable_seq; });
  }
  std::uint64_t durable_seq() {
    const std::lock_guard lock(mutex_);
    return durable_seq_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable heard_;
  std::uint64_t durable_seq_ = 0;
};

// How far the store's watermark says that the log was synced.
std::uint64_t SyncedSequence(Harness* harness) {
  const auto watermark = Watermark::Open(harness->store() + "/watermark", &harness->environment());
  EXPECT_TRUE(watermark.ok()) << watermark.status();
  return (*watermark)->synced().sequence;
}

TEST(Durability, OfSyncIsToldOnceTheLogIsSynced) {
  RuntimeOptions options;
  options.sync_interval = absl::Milliseconds(1);
  Harness harness(options);
  harness.CreateModel("m", SmallSpec(v1::DURABILITY_SYNC));
  harness.OpenStream("s");
  const std::uint64_t token = harness.Attach("s").attach().writer_token();
  Ear ear;
  harness.runtime().Listen(token, ear.Listener());
  for (std::uint64_t seq = 1; seq <= 20; ++seq) {
    const v1::LearnPartReply reply = harness.Observe("s", seq, 1);
    EXPECT_EQ(reply.applied_seq(), seq);
    EXPECT_LE(reply.durable_seq(), seq);
  }
  ear.WaitFor(20);
  EXPECT_EQ(harness.Stream("s").durable_seq(), 20u);
  harness.runtime().StopListening(token);
}

TEST(Durability, OfSyncWaitsForTheGroupCommit) {
  RuntimeOptions options;
  options.sync_interval = absl::Hours(1);
  Harness harness(options);
  harness.CreateModel("m", SmallSpec(v1::DURABILITY_SYNC));
  harness.OpenStream("s");
  const std::uint64_t token = harness.Attach("s").attach().writer_token();
  Ear ear;
  harness.runtime().Listen(token, ear.Listener());
  const std::uint64_t synced = SyncedSequence(&harness);
  harness.Observe("s", 1, 1);
  ear.WaitFor(1);  // the first sync waits for nobody; the next is an hour away
  EXPECT_GT(SyncedSequence(&harness), synced) << "called durable without a sync";
  EXPECT_EQ(harness.Observe("s", 2, 1).durable_seq(), 1u);
  EXPECT_EQ(ear.durable_seq(), 1u);
  ASSERT_TRUE(harness.runtime().Drain(absl::InfiniteFuture()).ok());
  EXPECT_EQ(ear.durable_seq(), 2u);
}

TEST(Durability, ResumesTheWindowOfOpenStepsAndEveryCounter) {
  Harness harness;
  harness.CreateModel("m", SmallSpec(v1::DURABILITY_PROCESS, "delayed"));
  harness.OpenStream("s");
  harness.Attach("s");
  const auto go_on = [&](Harness* on) {
    on->Release("s", 1, 60);
    on->Observe("s", 101, 100, false);
    on->Release("s", 70, 40);
    v1::LearnPart part = on->PartOf("s");
    part.mutable_late_targets()->set_no_target_through(120);
    EXPECT_FALSE(on->Send(part).has_status());
    part = on->PartOf("s");
    part.mutable_settle();
    EXPECT_FALSE(on->Send(part).has_status());
  };
  harness.Observe("s", 1, 100, false);
  harness.Release("s", 61, 9);
  const std::string crashed = harness.Crashed("crash");
  v1::StreamStats before = *harness.runtime().GetStats("s");
  go_on(&harness);
  const std::string digest = harness.Digest("s");
  v1::StreamStats after = *harness.runtime().GetStats("s");
  EXPECT_GT(after.updates(), 0u);

  harness.Open(crashed);
  EXPECT_EQ(harness.runtime().GetStats("s")->SerializeAsString(), before.SerializeAsString());
  const v1::LearnPartReply attached = harness.Attach("s");
  ASSERT_EQ(attached.attach().held_targets_size(), 9);
  EXPECT_EQ(attached.attach().held_targets(0), 61u);
  go_on(&harness);
  EXPECT_EQ(harness.Digest("s"), digest);
  EXPECT_EQ(harness.runtime().GetStats("s")->SerializeAsString(), after.SerializeAsString());
}

TEST(Durability, GoesOnFromSnapshotsAndATrimmedJournal) {
  RuntimeOptions options;
  options.snapshot_steps = 50;
  Harness harness(options);
  harness.CreateModel("m");
  harness.OpenStream("s");
  harness.Attach("s");
  for (std::uint64_t seq = 1; seq <= 400; seq += 20) {
    ASSERT_FALSE(harness.Observe("s", seq, 20).has_status());
  }
  const auto snapshots = harness.runtime().ListSnapshots(Of<v1::ListSnapshotsRequest>("s"));
  ASSERT_EQ(snapshots->snapshots_size(), 2) << "two generations";
  EXPECT_LT(snapshots->snapshots(0).applied_seq(), snapshots->snapshots(1).applied_seq());
  harness.Open(harness.Crashed("crash"));
  EXPECT_EQ(harness.Digest("s"), DigestAfter(400));
}

TEST(Durability, CountsEpochTokensAndMessagesOutOfTheDigest) {
  Harness harness;
  harness.CreateModel("m");
  harness.OpenStream("s");
  harness.Attach("s");
  harness.Observe("s", 1, 5);
  const std::string digest = harness.Digest("s");
  harness.Attach("s");
  harness.Observe("s", 1, 5);
  EXPECT_EQ(harness.Digest("s"), digest);
}

}  // namespace
}  // namespace millrace::server
