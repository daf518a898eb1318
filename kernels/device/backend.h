// A device: memory, copies and launches, behind one interface with two implementations. One is a
// CUDA device (kernels/cuda/backend.h); the other runs the same code on the host, one thread of a
// block after the other, where there is no card (kernels/testing/host_backend.h).
//
//   void* memory = nullptr;
//   Outcome outcome = backend.Allocate(bytes, &memory);
//   outcome = backend.ToDevice(host, bytes, memory);
//   outcome = backend.Run(launch);       // queued
//   outcome = backend.Wait();            // reports what failed in the queue
//
// Calls are carried out in their order. A device that has failed once answers kDeviceError to
// everything that follows (its memory is lost), and healthy() tells. Thread-safe.
#ifndef MILLRACE_KERNELS_DEVICE_BACKEND_H_
#define MILLRACE_KERNELS_DEVICE_BACKEND_H_

#include <cstdint>
#include <string>

#include "kernels/device/outcome.h"
#include "kernels/device/plan.h"
#include "kernels/device/work.h"

namespace millrace::kernels::device {

// The rows of some streams of one model. The works are in the device's memory.
template <typename T>
struct Launch {
  Plan<T> plan;
  const Work<T>* works = nullptr;
  int count = 0;   // streams
  int rows = 0;    // the most of any of them
  int splits = 1;  // blocks of threads that share a stream's sweep; above 1 it is a launch a row

  // Shared memory that a block of threads has. A plan whose residency is empty has none, and so is
  // it where blocks share a sweep.
  std::int64_t shared_bytes() const {
    return plan.residency.shared_bytes > 0 ? plan.residency.shared_bytes : plan.shared_bytes;
  }
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual Outcome Allocate(std::int64_t bytes, void** memory) = 0;
  virtual void Free(void* memory) = 0;
  // Memory of the host that copies go from and to without a detour (pinned). kNoMemory where the
  // system has no more of it to lock.
  virtual Outcome AllocateHost(std::int64_t bytes, void** memory) = 0;
  virtual void FreeHost(void* memory) = 0;
  virtual Outcome ToDevice(const void* host, std::int64_t bytes, void* device) = 0;
  // Waits for the copy.
  virtual Outcome ToHost(const void* device, std::int64_t bytes, void* host) = 0;
  virtual Outcome Zero(void* device, std::int64_t bytes) = 0;
  virtual Outcome Run(const Launch<float>& launch) = 0;
  virtual Outcome Run(const Launch<double>& launch) = 0;
  virtual Outcome Wait() = 0;

  virtual bool healthy() const = 0;
  // What computes here: "sm90"; part of the numeric path.
  virtual std::string path() const = 0;
  // Memory that the threads of a block may share: at most, and so that a multiprocessor has room
  // for two blocks; and multiprocessors.
  virtual std::int64_t shared_bytes() const = 0;
  virtual std::int64_t paired_shared_bytes() const = 0;
  virtual int processors() const = 0;
  // Memory of the device, all of it.
  virtual std::int64_t memory_bytes() const = 0;
};

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_BACKEND_H_
