// Slots of device memory: zeroed on reuse, limited, given up by whoever used his longest ago.

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/device/devices.h"
#include "engine/device/memory.h"
#include "engine/errors.h"
#include "gtest/gtest.h"
#include "tests/conformance/combinations.h"
#include "tests/conformance/playing.h"
#include "tests/device/host_device.h"

namespace millrace::device_testing {
namespace {

using engine::DeviceMemory;

constexpr std::int64_t kSlot = std::int64_t{40} << 20;

std::unique_ptr<kernels::testing::HostBackend> Backend(std::int64_t memory_bytes) {
  return std::make_unique<kernels::testing::HostBackend>(
      HostDevice::Limits{.memory_bytes = memory_bytes}, HostDevice::Order::kRising);
}

struct Guest : DeviceMemory::Resident {
  absl::Status PageOut(void* slot) override {
    paged.assign(static_cast<char*>(slot), 4);
    return absl::OkStatus();
  }
  std::string paged;
};

TEST(DeviceMemory, ASlotIsZeroWhoeverHadItBefore) {
  DeviceMemory memory(Backend(3 * kSlot), 0);
  Guest first, second;
  const auto had = memory.Pin(&first, kSlot);
  ASSERT_TRUE(had.ok() && had->fresh);
  std::memset(had->slot, 1, kSlot);
  memory.Unpin(&first);
  memory.Release(&first);
  const auto got = memory.Pin(&second, kSlot);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->slot, had->slot);
  const auto* const bytes = static_cast<const char*>(got->slot);
  EXPECT_TRUE(std::all_of(bytes, bytes + kSlot, [](char byte) { return byte == 0; }));
  memory.Unpin(&second);
  memory.Release(&second);
}

TEST(DeviceMemory, TheOneUsedLongestAgoGivesItsSlotUp) {
  DeviceMemory memory(Backend(3 * kSlot), 2 * kSlot);
  Guest guests[3];
  for (int i : {0, 1, 0}) {  // 1 is the older one then
    const auto pinned = memory.Pin(&guests[i], kSlot);
    ASSERT_TRUE(pinned.ok()) << pinned.status();
    std::memcpy(pinned->slot, i == 0 ? "zero" : "one.", 4);
    memory.Unpin(&guests[i]);
  }
  ASSERT_TRUE(memory.Pin(&guests[2], kSlot).ok());
  memory.Unpin(&guests[2]);
  EXPECT_EQ(guests[0].paged, "");
  EXPECT_EQ(guests[1].paged, "one.");
  EXPECT_EQ(memory.usage().page_outs, 1u);
  EXPECT_EQ(memory.usage().residents, 2);
  EXPECT_EQ(memory.usage().slot_bytes, 2 * kSlot);
  EXPECT_LE(memory.usage().slot_bytes + memory.usage().free_bytes, 2 * kSlot);
  for (Guest& guest : guests) memory.Release(&guest);
}

TEST(DeviceMemory, WhoeverFindsAllSlotsInUseWaitsAndTryPinDoesNot) {
  DeviceMemory memory(Backend(kSlot), kSlot);
  Guest holder, waiter;
  ASSERT_TRUE(memory.Pin(&holder, kSlot).ok());
  const auto tried = memory.TryPin(&waiter, kSlot);
  ASSERT_TRUE(tried.ok());
  EXPECT_EQ(tried->slot, nullptr);
  std::thread thread([&] {
    EXPECT_TRUE(memory.Pin(&waiter, kSlot).ok());
    memory.Unpin(&waiter);
  });
  memory.Unpin(&holder);
  thread.join();
  EXPECT_EQ(memory.usage().page_outs, 1u);
  memory.Release(&waiter);
  memory.Release(&holder);
}

TEST(DeviceMemory, StagingIsPinnedAndCountedAndTakenAgain) {
  auto owned = Backend(3 * kSlot);
  const kernels::testing::HostBackend& backend = *owned;
  DeviceMemory memory(std::move(owned), 0);
  const auto first = memory.LeaseStaging(100 << 10);
  const auto second = memory.LeaseStaging(10);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_TRUE(first->pinned);
  EXPECT_EQ(first->bytes, 200 << 10);  // room to grow
  EXPECT_EQ(memory.usage().staging_bytes, first->bytes + second->bytes);
  EXPECT_EQ(memory.usage().pinned_bytes, memory.usage().staging_bytes);
  EXPECT_EQ(memory.usage().unpinned_bytes, 0);
  EXPECT_EQ(backend.pinned_bytes(), memory.usage().pinned_bytes);
  memory.ReturnStaging(*second);
  memory.ReturnStaging(*first);
  const auto again = memory.LeaseStaging(190 << 10);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->host, first->host);
  EXPECT_EQ(again->memory, first->memory);
  memory.ReturnStaging(*again);
}

TEST(DeviceMemory, StagingCountsButAlwaysLeavesASlotToBeHad) {
  DeviceMemory memory(Backend(4 * kSlot), 2 * kSlot);
  const auto staging = memory.LeaseStaging(kSlot / 2);
  ASSERT_TRUE(staging.ok());
  Guest guests[2];
  ASSERT_TRUE(memory.Pin(&guests[0], kSlot).ok());
  const auto second = memory.TryPin(&guests[1], kSlot);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->slot, nullptr);
  memory.ReturnStaging(*staging);
  memory.Unpin(&guests[0]);
  memory.Release(&guests[0]);

  DeviceMemory full(Backend(4 * kSlot), kSlot);
  const auto all = full.LeaseStaging(kSlot / 2);
  ASSERT_TRUE(all.ok());
  ASSERT_TRUE(full.Pin(&guests[0], kSlot).ok());
  full.ReturnStaging(*all);
  full.Unpin(&guests[0]);
  full.Release(&guests[0]);
}

// Snapshots halfway and at the end, and the copies that the second took.
std::vector<engine::Snapshot> Learned(std::int64_t pinned_bytes, std::int64_t* copies_of_a_save) {
  HostDevice device({.pinned_bytes = pinned_bytes});
  engine::ModelSpec spec = conformance::BaseSpec();
  spec.device = engine::Device::kCuda;
  const auto model = conformance::MakeModel(spec);
  const auto stream = conformance::OpenStream(model);
  const conformance::Script script = conformance::MakeScript(*model, 5, 42);
  conformance::Player player(&script, stream.get());
  std::vector<engine::Snapshot> snapshots;
  for (const int from : {0, 21}) {
    player.Observe(from, from + 21, 7);
    const std::int64_t copies = device.backend().copies();
    snapshots.push_back(stream->Save());
    *copies_of_a_save = device.backend().copies() - copies;
  }
  const engine::DeviceMemoryUsage usage = device.memory().usage();
  EXPECT_EQ(usage.pinned_bytes > 0, pinned_bytes > 0);
  EXPECT_EQ(usage.unpinned_bytes > 0, pinned_bytes == 0);
  EXPECT_TRUE(engine::DeviceHealth().ok());
  return snapshots;
}

TEST(DeviceMemory, WhereNothingCanBePinnedStreamsLearnTheSameAndItIsCounted) {
  std::int64_t copies = 0;
  const std::vector<engine::Snapshot> pinned = Learned(1 << 30, &copies);
  EXPECT_EQ(copies, 1);
  const std::vector<engine::Snapshot> unpinned = Learned(0, &copies);
  EXPECT_EQ(copies, 1);
  for (std::size_t i = 0; i < pinned.size(); ++i) {
    EXPECT_EQ(conformance::DifferingTensors(pinned[i], unpinned[i]), "");
  }
}

TEST(DeviceMemory, SlabsOfASizeThatNobodyUsesMakeRoomForAnother) {
  DeviceMemory memory(Backend(kSlot), kSlot);
  Guest small, large;
  ASSERT_TRUE(memory.Pin(&small, 4096).ok());
  memory.Unpin(&small);
  memory.Release(&small);
  EXPECT_TRUE(memory.Pin(&large, kSlot).ok());
  memory.Unpin(&large);
  memory.Release(&large);
}

TEST(DeviceMemory, AStreamThatCanNeverHaveRoomIsRefusedWithBothNumbers) {
  HostDevice device({}, HostDevice::Order::kRising, 4096);
  engine::ModelSpec spec = conformance::BaseSpec();
  spec.device = engine::Device::kCuda;
  const auto model = engine::Model::Create("large", spec);
  ASSERT_TRUE(model.ok()) << model.status();
  const absl::Status status = engine::Stream::Open(*model, "a", {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(engine::ReasonOf(status), engine::kDeviceMemory);
  EXPECT_NE(std::string(status.message()).find("the device lends streams 4096"), std::string::npos)
      << status;
  EXPECT_EQ(std::string(status.message()).find("stream 'a' needs "), 0u) << status;
}

TEST(DeviceMemory, WhatFailsOnceIsToldFromThenOn) {
  HostDevice device;
  Guest guest;
  EXPECT_TRUE(engine::DeviceHealth().ok());
  device.backend().Break();
  EXPECT_EQ(device.memory().Pin(&guest, kSlot).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(engine::DeviceHealth().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(engine::ReasonOf(engine::DeviceHealth()), engine::kDeviceFailed);
}

TEST(Devices, AMachineWithoutOneSaysSoByName) {
  const std::shared_ptr<DeviceMemory> before = engine::UseDevice(nullptr);
  const absl::Status status = engine::CheckDevice(engine::Device::kCuda);
  engine::UseDevice(before);
  if (status.ok()) GTEST_SKIP() << "there is a CUDA device";
  const bool built = status.code() == absl::StatusCode::kFailedPrecondition;
  EXPECT_TRUE(built || status.code() == absl::StatusCode::kUnimplemented) << status;
  EXPECT_EQ(engine::ReasonOf(status), engine::kNotCarriedOut);
  const char* const remedy = built ? "serve from one that has" : "-DMILLRACE_CUDA=ON";
  EXPECT_NE(std::string(status.message()).find(remedy), std::string::npos) << status;
  EXPECT_TRUE(engine::CheckDevice(engine::Device::kCpu).ok());
}

}  // namespace
}  // namespace millrace::device_testing
