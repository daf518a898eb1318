// The learning step on a CUDA device.
//
// Where CUDA was not built, kernels/stub/ answers kNotBuilt. Thread-safe. Allocates nothing.
#ifndef MILLRACE_KERNELS_CUDA_LEARN_H_
#define MILLRACE_KERNELS_CUDA_LEARN_H_

#include <cstdint>

#include "kernels/cuda/device.h"
#include "kernels/device/backend.h"

namespace millrace::kernels::cuda {

// Lets launches on the current device have as much shared memory as leaves `bytes` a block, what is
// static included; once for each device, before any.
template <typename T>
Outcome AllowShared(std::int64_t bytes);

// Queues the launch on the stream and returns.
template <typename T>
Outcome RunLaunch(const device::Launch<T>& launch, Stream stream);

}  // namespace millrace::kernels::cuda

#endif  // MILLRACE_KERNELS_CUDA_LEARN_H_
