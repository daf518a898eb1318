// A device that adds up what its launches take: every launch is waited for.
//
// Thread-safe as the device behind it; the sums are read while nothing runs.
#ifndef MILLRACE_TESTS_BENCH_GPU_TIMED_BACKEND_H_
#define MILLRACE_TESTS_BENCH_GPU_TIMED_BACKEND_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "kernels/device/backend.h"

namespace millrace::bench {

class TimedBackend final : public kernels::device::Backend {
 public:
  using Outcome = kernels::device::Outcome;

  explicit TimedBackend(std::unique_ptr<kernels::device::Backend> device)
      : device_(std::move(device)) {}

  double seconds() const { return seconds_; }
  std::int64_t launches() const { return launches_; }
  void Restart() {
    seconds_ = 0;
    launches_ = 0;
  }

  Outcome Allocate(std::int64_t bytes, void** memory) override {
    return device_->Allocate(bytes, memory);
  }
  void Free(void* memory) override { device_->Free(memory); }
  Outcome AllocateHost(std::int64_t bytes, void** memory) override {
    return device_->AllocateHost(bytes, memory);
  }
  void FreeHost(void* memory) override { device_->FreeHost(memory); }
  Outcome ToDevice(const void* host, std::int64_t bytes, void* device) override {
    return device_->ToDevice(host, bytes, device);
  }
  Outcome ToHost(const void* device, std::int64_t bytes, void* host) override {
    return device_->ToHost(device, bytes, host);
  }
  Outcome Zero(void* device, std::int64_t bytes) override { return device_->Zero(device, bytes); }
  Outcome Run(const kernels::device::Launch<float>& launch) override { return Timed(launch); }
  Outcome Run(const kernels::device::Launch<double>& launch) override { return Timed(launch); }
  Outcome Wait() override { return device_->Wait(); }
  bool healthy() const override { return device_->healthy(); }
  std::string path() const override { return device_->path(); }
  std::int64_t shared_bytes() const override { return device_->shared_bytes(); }
  std::int64_t paired_shared_bytes() const override { return device_->paired_shared_bytes(); }
  int processors() const override { return device_->processors(); }
  std::int64_t memory_bytes() const override { return device_->memory_bytes(); }

 private:
  template <typename Launch>
  Outcome Timed(const Launch& launch) {
    Outcome outcome = device_->Wait();
    const auto begin = std::chrono::steady_clock::now();
    if (outcome.ok()) outcome = device_->Run(launch);
    if (outcome.ok()) outcome = device_->Wait();
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    ++launches_;
    return outcome;
  }

  std::unique_ptr<kernels::device::Backend> device_;
  double seconds_ = 0;
  std::int64_t launches_ = 0;
};

}  // namespace millrace::bench

#endif  // MILLRACE_TESTS_BENCH_GPU_TIMED_BACKEND_H_
