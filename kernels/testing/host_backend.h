// kernels/device/backend.h on the host: device memory is memory, a launch is a loop over the
// threads of its blocks. Fresh memory is NaN. For tests.
//
// Thread-safe. Cost: that of the steps, unvectorised.
#ifndef MILLRACE_KERNELS_TESTING_HOST_BACKEND_H_
#define MILLRACE_KERNELS_TESTING_HOST_BACKEND_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "kernels/device/backend.h"
#include "kernels/testing/host_block.h"

namespace millrace::kernels::testing {

class HostBackend final : public device::Backend {
 public:
  struct Limits {
    std::int64_t memory_bytes = std::int64_t{1} << 32;
    std::int64_t shared_bytes = 160 * 1024;
    std::int64_t paired_shared_bytes = 72 * 1024;
    int processors = 1;
    bool keeps_residency = true;  // else arrays stay in their slots
    std::int64_t pinned_bytes = std::int64_t{1} << 32;
  };

  HostBackend() : HostBackend(Limits{}, HostBlock::Order::kRising) {}
  HostBackend(const Limits& limits, HostBlock::Order order) : limits_(limits), order_(order) {}
  ~HostBackend() override;

  device::Outcome Allocate(std::int64_t bytes, void** memory) override;
  void Free(void* memory) override;
  device::Outcome AllocateHost(std::int64_t bytes, void** memory) override;
  void FreeHost(void* memory) override;
  device::Outcome ToDevice(const void* host, std::int64_t bytes, void* device) override;
  device::Outcome ToHost(const void* device, std::int64_t bytes, void* host) override;
  device::Outcome Zero(void* device, std::int64_t bytes) override;
  device::Outcome Run(const device::Launch<float>& launch) override;
  device::Outcome Run(const device::Launch<double>& launch) override;
  device::Outcome Wait() override;

  bool healthy() const override;
  std::string path() const override { return "host"; }
  std::int64_t shared_bytes() const override { return limits_.shared_bytes; }
  std::int64_t paired_shared_bytes() const override { return limits_.paired_shared_bytes; }
  int processors() const override { return limits_.processors; }
  std::int64_t memory_bytes() const override { return limits_.memory_bytes; }

  // For tests of what follows: the next call fails, and every one after it.
  void Break();
  std::int64_t allocated_bytes() const;
  std::int64_t pinned_bytes() const;
  // Copies so far, both ways.
  std::int64_t copies() const;
  std::int64_t launches() const;
  // Of them, those that let arrays stay in shared memory.
  std::int64_t resident_launches() const;
  // Threads of a block run in this order from now on.
  void SetOrder(HostBlock::Order order);
  // They are threads from now on, and run at once (threaded_team.h).
  void RunAtOnce();

 private:
  template <typename T>
  device::Outcome RunBlocks(device::Launch<T> launch);
  device::Outcome Standing() const;  // of a device that may have failed

  Limits limits_;
  HostBlock::Order order_;
  mutable std::mutex mutex_;
  std::map<void*, std::int64_t> allocations_, pinnings_;
  std::int64_t pinned_ = 0, copies_ = 0;
  std::int64_t allocated_ = 0, launches_ = 0, resident_launches_ = 0;
  bool broken_ = false, at_once_ = false;
};

}  // namespace millrace::kernels::testing

#endif  // MILLRACE_KERNELS_TESTING_HOST_BACKEND_H_
