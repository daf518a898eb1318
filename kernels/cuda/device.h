// The CUDA device as far as the kernels need it: is there one, memory, copies. No CUDA syntax and
// no CUDA header, so anyone may include it.
//
// Every function answers an Outcome and leaves no sticky error behind. Where CUDA was not built,
// kernels/stub/ answers kNotBuilt to all of them. Thread-safe; all act on the thread's current
// device. Copies and launches are ordered by their stream; copies from and to pageable memory wait.
#ifndef MILLRACE_KERNELS_CUDA_DEVICE_H_
#define MILLRACE_KERNELS_CUDA_DEVICE_H_

#include <cstdint>

#include "kernels/device/outcome.h"

namespace millrace::kernels::cuda {

using device::Outcome;

// A cudaStream_t; nullptr is the default stream.
using Stream = void*;

// Sets count to the number of usable devices; kDeviceError where there is no driver.
Outcome CountDevices(int* count);

// Sets memory to bytes > 0 of device memory, to be given back by Free.
Outcome Allocate(std::int64_t bytes, void** memory);
Outcome Free(void* memory);

Outcome CopyToDevice(const void* host, std::int64_t bytes, Stream stream, void* device);
Outcome CopyToHost(const void* device, std::int64_t bytes, Stream stream, void* host);

// Waits until the stream has run out, and reports what failed in it.
Outcome Wait(Stream stream);

}  // namespace millrace::kernels::cuda

#endif  // MILLRACE_KERNELS_CUDA_DEVICE_H_
