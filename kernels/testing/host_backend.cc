#include "kernels/testing/host_backend.h"

#include <cstring>
#include <new>
#include <string>
#include <type_traits>

#include "kernels/device/step.h"
#include "kernels/device/team.h"
#include "kernels/ops.h"
#include "kernels/testing/host_team.h"
#include "kernels/testing/threaded_team.h"

namespace millrace::kernels::testing {

using device::Outcome;

namespace {

constexpr std::align_val_t kAlignment{256};

}  // namespace

HostBackend::~HostBackend() {
  for (const auto& allocation : allocations_) ::operator delete(allocation.first, kAlignment);
  for (const auto& pinning : pinnings_) ::operator delete(pinning.first, kAlignment);
}

Outcome HostBackend::Standing() const {
  if (!broken_) return {};
  return {Outcome::Code::kDeviceError, "the device on the host was broken by its test"};
}

Outcome HostBackend::Allocate(std::int64_t bytes, void** memory) {
  const std::lock_guard<std::mutex> lock(mutex_);
  *memory = nullptr;
  if (broken_) return Standing();
  if (allocated_ + bytes > limits_.memory_bytes) {
    return {Outcome::Code::kNoMemory, "the device on the host has " +
                                          std::to_string(limits_.memory_bytes - allocated_) +
                                          " bytes left; " + std::to_string(bytes) + " were asked"};
  }
  *memory = ::operator new(static_cast<std::size_t>(bytes), kAlignment);
  std::memset(*memory, 0xff, static_cast<std::size_t>(bytes));
  allocations_[*memory] = bytes;
  allocated_ += bytes;
  return {};
}

void HostBackend::Free(void* memory) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = allocations_.find(memory);
  if (found == allocations_.end()) return;
  allocated_ -= found->second;
  allocations_.erase(found);
  ::operator delete(memory, kAlignment);
}

Outcome HostBackend::AllocateHost(std::int64_t bytes, void** memory) {
  const std::lock_guard<std::mutex> lock(mutex_);
  *memory = nullptr;
  if (broken_) return Standing();
  if (pinned_ + bytes > limits_.pinned_bytes) {
    return {Outcome::Code::kNoMemory, "no " + std::to_string(bytes) + " bytes can be pinned"};
  }
  *memory = ::operator new(static_cast<std::size_t>(bytes), kAlignment);
  std::memset(*memory, 0xff, static_cast<std::size_t>(bytes));
  pinnings_[*memory] = bytes;
  pinned_ += bytes;
  return {};
}

void HostBackend::FreeHost(void* memory) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = pinnings_.find(memory);
  if (found == pinnings_.end()) return;
  pinned_ -= found->second;
  pinnings_.erase(found);
  ::operator delete(memory, kAlignment);
}

Outcome HostBackend::ToDevice(const void* host, std::int64_t bytes, void* device) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++copies_;
  if (!broken_ && bytes > 0) std::memcpy(device, host, static_cast<std::size_t>(bytes));
  return Standing();
}

Outcome HostBackend::ToHost(const void* device, std::int64_t bytes, void* host) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++copies_;
  if (!broken_ && bytes > 0) std::memcpy(host, device, static_cast<std::size_t>(bytes));
  return Standing();
}

Outcome HostBackend::Zero(void* device, std::int64_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!broken_ && bytes > 0) std::memset(device, 0, static_cast<std::size_t>(bytes));
  return Standing();
}

template <typename T>
Outcome HostBackend::RunBlocks(device::Launch<T> launch) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (broken_) return Standing();
  if (!limits_.keeps_residency) launch.plan.residency = {};
  if (launch.shared_bytes() > limits_.shared_bytes) {
    return {Outcome::Code::kDeviceError, "a launch asks for more shared memory than there is"};
  }
  ++launches_;
  if (launch.shared_bytes() != launch.plan.shared_bytes) ++resident_launches_;
  const FlushDenormals flush;
  const auto run = [&](auto& block, const device::Work<T>& home, const auto& body) {
    const device::Work<T> work = device::NearWork(launch.plan, home, block.Shared());
    device::Team<T, std::remove_reference_t<decltype(block)>> team(block, launch.plan, work);
    body(team);
  };
  const auto each = [&](const device::Work<T>& home, const auto& body) {
    if (at_once_) {
      ThreadedBlock(launch.shared_bytes()).Run([&](ThreadedTeam& thread) {
        run(thread, home, body);
      });
      return;
    }
    HostTeam block(launch.shared_bytes(), order_);
    run(block, home, body);
  };
  for (int b = 0; b < launch.count; ++b) {
    const device::Work<T>& work = launch.works[b];
    if (launch.splits == 1) {
      each(work, [&](auto& team) { device::RunMessage(team, work.slot); });
      continue;
    }
    for (int row = work.first; row < work.first + launch.rows; ++row) {
      each(work, [&](auto& team) { device::RunFrontAlone(team, row); });
      for (int part = 0; part < launch.splits; ++part) {
        each(work, [&](auto& team) { device::RunSweepAlone(team, row, {part, launch.splits}); });
      }
      each(work, [&](auto& team) { device::RunBackAlone(team, row); });
    }
  }
  return {};
}

Outcome HostBackend::Run(const device::Launch<float>& launch) { return RunBlocks(launch); }
Outcome HostBackend::Run(const device::Launch<double>& launch) { return RunBlocks(launch); }

Outcome HostBackend::Wait() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return Standing();
}

bool HostBackend::healthy() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return !broken_;
}

void HostBackend::Break() {
  const std::lock_guard<std::mutex> lock(mutex_);
  broken_ = true;
}

std::int64_t HostBackend::allocated_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return allocated_;
}

std::int64_t HostBackend::pinned_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return pinned_;
}

std::int64_t HostBackend::copies() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return copies_;
}

std::int64_t HostBackend::launches() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return launches_;
}

std::int64_t HostBackend::resident_launches() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return resident_launches_;
}

void HostBackend::SetOrder(HostBlock::Order order) {
  const std::lock_guard<std::mutex> lock(mutex_);
  order_ = order;
}

void HostBackend::RunAtOnce() {
  const std::lock_guard<std::mutex> lock(mutex_);
  at_once_ = true;
}

}  // namespace millrace::kernels::testing
