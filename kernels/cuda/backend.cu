// backend.h by the CUDA runtime. Calls may come from any thread, so each sets its device first.

#include "kernels/cuda/backend.h"

#include <cuda_runtime.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "kernels/cuda/check.h"
#include "kernels/cuda/learn.h"

namespace millrace::kernels::cuda {

namespace {

class CudaBackend final : public device::Backend {
 public:
  explicit CudaBackend(int number) : number_(number) {}
  ~CudaBackend() override {
    if (queue_ != nullptr) static_cast<void>(cudaStreamDestroy(queue_));
  }

  Outcome Open() {
    Outcome outcome = MILLRACE_CUDA_CHECK(cudaSetDevice(number_));
    if (outcome.ok()) outcome = MILLRACE_CUDA_CHECK(cudaGetDeviceProperties(&device_, number_));
    if (outcome.ok()) {
      outcome = MILLRACE_CUDA_CHECK(cudaStreamCreateWithFlags(&queue_, cudaStreamNonBlocking));
    }
    const auto shared = static_cast<std::int64_t>(device_.sharedMemPerBlockOptin);
    if (outcome.ok()) outcome = AllowShared<float>(shared);
    if (outcome.ok()) outcome = AllowShared<double>(shared);
    return outcome;
  }

  Outcome Allocate(std::int64_t bytes, void** memory) override {
    *memory = nullptr;
    const cudaError_t selected = cudaSetDevice(number_);
    const cudaError_t error =
        selected == cudaSuccess ? cudaMalloc(memory, static_cast<std::size_t>(bytes)) : selected;
    if (error == cudaErrorMemoryAllocation) {
      static_cast<void>(cudaGetLastError());
      return {Outcome::Code::kNoMemory,
              "the CUDA device has no " + std::to_string(bytes) + " bytes left"};
    }
    return Note(OutcomeOf(error, __FILE__, __LINE__, "cudaMalloc"));
  }

  void Free(void* memory) override {
    if (cudaSetDevice(number_) == cudaSuccess) static_cast<void>(cudaFree(memory));
  }

  Outcome AllocateHost(std::int64_t bytes, void** memory) override {
    *memory = nullptr;
    const cudaError_t selected = cudaSetDevice(number_);
    const cudaError_t error =
        selected == cudaSuccess
            ? cudaHostAlloc(memory, static_cast<std::size_t>(bytes), cudaHostAllocDefault)
            : selected;
    if (error == cudaErrorMemoryAllocation) {
      static_cast<void>(cudaGetLastError());
      return {Outcome::Code::kNoMemory, "the host has no " + std::to_string(bytes) +
                                            " bytes left that can be locked for the CUDA device"};
    }
    return Note(OutcomeOf(error, __FILE__, __LINE__, "cudaHostAlloc"));
  }

  void FreeHost(void* memory) override {
    if (cudaSetDevice(number_) == cudaSuccess) static_cast<void>(cudaFreeHost(memory));
  }

  Outcome ToDevice(const void* host, std::int64_t bytes, void* to) override {
    return InOrder([&] {
      return MILLRACE_CUDA_CHECK(cudaMemcpyAsync(to, host, static_cast<std::size_t>(bytes),
                                                 cudaMemcpyHostToDevice, queue_));
    });
  }

  Outcome ToHost(const void* from, std::int64_t bytes, void* host) override {
    const Outcome queued = InOrder([&] {
      return MILLRACE_CUDA_CHECK(cudaMemcpyAsync(host, from, static_cast<std::size_t>(bytes),
                                                 cudaMemcpyDeviceToHost, queue_));
    });
    return queued.ok() ? Wait() : queued;
  }

  Outcome Zero(void* memory, std::int64_t bytes) override {
    return InOrder([&] {
      return MILLRACE_CUDA_CHECK(
          cudaMemsetAsync(memory, 0, static_cast<std::size_t>(bytes), queue_));
    });
  }

  Outcome Run(const device::Launch<float>& launch) override {
    return InOrder([&] { return RunLaunch(launch, queue_); });
  }
  Outcome Run(const device::Launch<double>& launch) override {
    return InOrder([&] { return RunLaunch(launch, queue_); });
  }

  Outcome Wait() override {
    return InOrder([&] { return MILLRACE_CUDA_CHECK(cudaStreamSynchronize(queue_)); });
  }

  bool healthy() const override { return healthy_; }
  std::string path() const override {
    return "sm" + std::to_string(10 * device_.major + device_.minor);
  }
  std::int64_t shared_bytes() const override {
    // What the launch's static part takes is not for the plan.
    return static_cast<std::int64_t>(device_.sharedMemPerBlockOptin) - kStaticBytes;
  }
  std::int64_t paired_shared_bytes() const override {
    return static_cast<std::int64_t>(device_.sharedMemPerMultiprocessor) / 2 -
           static_cast<std::int64_t>(device_.reservedSharedMemPerBlock) - kStaticBytes;
  }
  int processors() const override { return device_.multiProcessorCount; }
  std::int64_t memory_bytes() const override {
    return static_cast<std::int64_t>(device_.totalGlobalMem);
  }

 private:
  // Scratch of the collectives and the work's copy, with room to grow.
  static constexpr std::int64_t kStaticBytes = 10 * 1024;

  template <typename Call>
  Outcome InOrder(const Call& call) {
    const Outcome selected = MILLRACE_CUDA_CHECK(cudaSetDevice(number_));
    return Note(selected.ok() ? call() : selected);
  }
  // Errors of a device are sticky: whatever follows fails too.
  Outcome Note(Outcome outcome) {
    if (!outcome.ok()) healthy_ = false;
    return outcome;
  }

  int number_;
  cudaDeviceProp device_{};
  cudaStream_t queue_ = nullptr;
  std::atomic<bool> healthy_ = true;
};

}  // namespace

Outcome OpenBackend(int number, std::unique_ptr<device::Backend>* backend) {
  int count = 0;
  Outcome outcome = CountDevices(&count);
  if (outcome.ok() && number >= count) {
    outcome = {Outcome::Code::kDeviceError, "CUDA device " + std::to_string(number) +
                                                " is not there; the machine has " +
                                                std::to_string(count)};
  }
  if (!outcome.ok()) return outcome;
  auto opened = std::make_unique<CudaBackend>(number);
  outcome = opened->Open();
  if (outcome.ok()) *backend = std::move(opened);
  return outcome;
}

}  // namespace millrace::kernels::cuda
