// device.h by the CUDA runtime.

#include "kernels/cuda/device.h"

#include <cuda_runtime.h>

#include <cstddef>

#include "kernels/cuda/check.h"

namespace millrace::kernels::cuda {

Outcome CountDevices(int* count) {
  *count = 0;
  return MILLRACE_CUDA_CHECK(cudaGetDeviceCount(count));
}

Outcome Allocate(std::int64_t bytes, void** memory) {
  return MILLRACE_CUDA_CHECK(cudaMalloc(memory, static_cast<std::size_t>(bytes)));
}

Outcome Free(void* memory) { return MILLRACE_CUDA_CHECK(cudaFree(memory)); }

Outcome CopyToDevice(const void* host, std::int64_t bytes, Stream stream, void* device) {
  return MILLRACE_CUDA_CHECK(cudaMemcpyAsync(device, host, static_cast<std::size_t>(bytes),
                                             cudaMemcpyHostToDevice,
                                             static_cast<cudaStream_t>(stream)));
}

Outcome CopyToHost(const void* device, std::int64_t bytes, Stream stream, void* host) {
  return MILLRACE_CUDA_CHECK(cudaMemcpyAsync(host, device, static_cast<std::size_t>(bytes),
                                             cudaMemcpyDeviceToHost,
                                             static_cast<cudaStream_t>(stream)));
}

Outcome Wait(Stream stream) {
  return MILLRACE_CUDA_CHECK(cudaStreamSynchronize(static_cast<cudaStream_t>(stream)));
}

}  // namespace millrace::kernels::cuda
