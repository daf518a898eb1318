// Puts a device on the host in the place of the CUDA device, for a whole program or for a scope.
#ifndef MILLRACE_TESTS_DEVICE_HOST_DEVICE_H_
#define MILLRACE_TESTS_DEVICE_HOST_DEVICE_H_

#include <memory>

#include "engine/device/devices.h"
#include "engine/device/memory.h"
#include "kernels/testing/host_backend.h"

namespace millrace::device_testing {

class HostDevice {
 public:
  using Limits = kernels::testing::HostBackend::Limits;
  using Order = kernels::testing::HostBlock::Order;

  explicit HostDevice(const Limits& limits = {}, Order order = Order::kRising,
                      std::int64_t lent_bytes = 0) {
    auto backend = std::make_unique<kernels::testing::HostBackend>(limits, order);
    backend_ = backend.get();
    memory_ = std::make_shared<engine::DeviceMemory>(std::move(backend), lent_bytes);
    before_ = engine::UseDevice(memory_);
  }
  ~HostDevice() { engine::UseDevice(before_); }
  HostDevice(const HostDevice&) = delete;
  HostDevice& operator=(const HostDevice&) = delete;

  kernels::testing::HostBackend& backend() { return *backend_; }
  engine::DeviceMemory& memory() { return *memory_; }

 private:
  kernels::testing::HostBackend* backend_;
  std::shared_ptr<engine::DeviceMemory> memory_, before_;
};

}  // namespace millrace::device_testing

#endif  // MILLRACE_TESTS_DEVICE_HOST_DEVICE_H_
