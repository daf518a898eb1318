// The runtime with models on a device: what is ready together is one launch, a device that fails is
// told of, and its memory is limited and counted.

#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/device/host_device.h"
#include "tests/server/runtime/harness.h"

namespace millrace::server {
namespace {

using device_testing::HostDevice;

constexpr int kStreams = 6;

v1::ModelSpec DeviceSpec(v1::Durability durability = v1::DURABILITY_PROCESS) {
  v1::ModelSpec spec = SmallSpec(durability);
  spec.set_device(v1::DEVICE_CUDA);
  return spec;
}

std::string NameOf(int i) { return "s" + std::to_string(i); }

// Holds up whoever writes the journal, once it is told to, so that what comes meanwhile is the next
// batch.
class Gate final : public RuntimeObserver {
 public:
  void OnJournal(std::int64_t, double) override {
    std::unique_lock lock(mutex_);
    waits_ = closed_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !closed_; });
    waits_ = false;
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  void AwaitSomebody() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waits_; });
  }
  void Open() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = false;
    }
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false, waits_ = false;
};

// Streams of a model on the device, and one of the CPU's that the gate stands before.
void OpenAll(Harness* harness) {
  harness->CreateModel("m", DeviceSpec());
  harness->CreateModel("cpu");
  harness->OpenStream("gate", "cpu");
  harness->Attach("gate");
  for (int i = 0; i < kStreams; ++i) {
    harness->OpenStream(NameOf(i), "m", static_cast<std::uint64_t>(i));
    harness->Attach(NameOf(i));
  }
}

v1::LearnPart Steps(Harness* harness, const std::string& id, std::uint64_t first_seq, int steps) {
  v1::LearnPart part = harness->PartOf(id);
  *part.mutable_observe() = Observation(first_seq, static_cast<std::uint32_t>(steps));
  if (steps > 3) part.mutable_observe()->add_reset_before(2);
  return part;
}

// Of stream i in the first round.
int StepsOf(int i) { return 3 + 5 * i; }

std::vector<std::string> PlayedAlone() {
  HostDevice device;
  Harness harness;
  OpenAll(&harness);
  std::vector<std::string> digests;
  for (int i = 0; i < kStreams; ++i) {
    EXPECT_EQ(harness.Send(Steps(&harness, NameOf(i), 1, StepsOf(i))).status().code(), 0);
    digests.push_back(harness.Digest(NameOf(i)));
  }
  return digests;
}

TEST(ServerOnADevice, StreamsThatAreReadyTogetherAreOneLaunchAndLearnWhatTheyLearnAlone) {
  const std::vector<std::string> alone = PlayedAlone();
  HostDevice device;
  Gate gate;
  Harness harness;
  harness.Listen(&gate);
  harness.Open();
  OpenAll(&harness);
  const std::int64_t before = device.backend().launches();
  gate.Close();
  auto first = harness.SendAsync(Steps(&harness, "gate", 1, 1));
  gate.AwaitSomebody();
  std::vector<std::future<v1::LearnPartReply>> replies;
  for (int i = 0; i < kStreams; ++i) {
    replies.push_back(harness.SendAsync(Steps(&harness, NameOf(i), 1, StepsOf(i))));
  }
  gate.Open();
  EXPECT_EQ(first.get().status().code(), 0);
  for (int i = 0; i < kStreams; ++i) {
    const v1::LearnPartReply reply = replies[static_cast<std::size_t>(i)].get();
    EXPECT_EQ(reply.status().code(), 0) << reply.status().message();
    EXPECT_EQ(reply.observe().outputs_size(), StepsOf(i) * kOutputs);
    EXPECT_EQ(reply.applied_seq(), static_cast<std::uint64_t>(StepsOf(i)));
  }
  EXPECT_EQ(device.backend().launches() - before, 1);
  for (int i = 0; i < kStreams; ++i) {
    EXPECT_EQ(harness.Digest(NameOf(i)), alone[static_cast<std::size_t>(i)]);
  }
}

TEST(ServerOnADevice, AStreamComesBackFromItsJournalOnItsOwnNumericPath) {
  HostDevice device;
  Harness harness;
  OpenAll(&harness);
  harness.Send(Steps(&harness, NameOf(1), 1, 20));
  const std::string digest = harness.Digest(NameOf(1));
  harness.Open();
  EXPECT_EQ(harness.Digest(NameOf(1)), digest);
  const v1::Stream stream = harness.Stream(NameOf(1));
  EXPECT_EQ(stream.numeric_path().rfind("cuda-host-", 0), 0u) << stream.numeric_path();
  const auto stats = harness.runtime().GetStats(NameOf(1));
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_FALSE(stats->resumed_inexactly());
}

TEST(ServerOnADevice, ADeviceThatFailsIsToldOfAndRefusedBeforeTheJournal) {
  std::string digest;
  Harness harness;
  {
    HostDevice device;
    OpenAll(&harness);
    harness.Send(Steps(&harness, NameOf(0), 1, 8));
    digest = harness.Digest(NameOf(0));
    EXPECT_TRUE(harness.runtime().Health().ok());
    device.backend().Break();
    EXPECT_EQ(harness.runtime().Health().code(), absl::StatusCode::kUnavailable);
    EXPECT_REASON(harness.Send(Steps(&harness, NameOf(0), 9, 4)).status(), kUnavailable,
                  "DEVICE_FAILED");
    // The others go on.
    EXPECT_EQ(harness.Send(Steps(&harness, "gate", 1, 4)).status().code(), 0);
    harness.Drop();
  }
  HostDevice another;
  harness.Open();
  EXPECT_TRUE(harness.runtime().Health().ok());
  EXPECT_EQ(harness.Stream(NameOf(0)).applied_seq(), 8u);
  EXPECT_EQ(harness.Digest(NameOf(0)), digest);
  harness.Drop();
}

TEST(ServerOnADevice, APeekAtAFailedDeviceIsAnErrorAndNoEnd) {
  HostDevice device;
  Harness harness;
  OpenAll(&harness);
  harness.Send(Steps(&harness, NameOf(0), 1, 8));
  device.backend().Break();
  v1::PeekRequest request;
  request.set_stream(NameOf(0));
  EXPECT_EQ(harness.runtime().Peek(request).status().code(), absl::StatusCode::kUnavailable);
  harness.Drop();
}

TEST(ServerOnADevice, AStreamThatCanNeverHaveRoomIsRefused) {
  HostDevice device;
  Harness harness;
  harness.CreateModel("m", DeviceSpec());
  harness.options().device_memory_limit_bytes = 1000;
  harness.Open();
  EXPECT_EQ(harness.runtime().Figures().device.limit_bytes, 1000);
  v1::OpenStreamRequest request;
  request.set_id("a");
  request.set_model("m");
  const absl::Status status = harness.runtime().OpenStream(request).status();
  EXPECT_REASON(ToRpcStatus(status), kResourceExhausted, "DEVICE_MEMORY");
  EXPECT_NE(status.message().find("stream 'a' needs"), std::string::npos) << status;
  harness.Drop();
}

TEST(ServerOnADevice, MemoryThatStreamsTakeThereIsCounted) {
  HostDevice device;
  Harness harness;
  OpenAll(&harness);
  EXPECT_EQ(harness.runtime().Figures().device.slot_bytes, 0);
  for (int i = 0; i < kStreams; ++i) harness.Send(Steps(&harness, NameOf(i), 1, 2));
  const engine::DeviceMemoryUsage usage = harness.runtime().Figures().device;
  EXPECT_EQ(usage.residents, kStreams);
  EXPECT_GT(usage.slot_bytes, 0);
  EXPECT_GT(usage.staging_bytes, 0);
  // The rest are the tables of one model.
  const std::int64_t counted = usage.slot_bytes + usage.free_bytes + usage.staging_bytes;
  EXPECT_GE(device.backend().allocated_bytes(), counted);
  EXPECT_LT(device.backend().allocated_bytes(), counted + 10000);
  harness.Drop();
}

}  // namespace
}  // namespace millrace::server
