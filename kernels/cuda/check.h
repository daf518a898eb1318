// Every call of the CUDA runtime passes MILLRACE_CUDA_CHECK: it clears the sticky error and turns
// it into an Outcome that names file, line and call.
#ifndef MILLRACE_KERNELS_CUDA_CHECK_H_
#define MILLRACE_KERNELS_CUDA_CHECK_H_

#include <cuda_runtime.h>

#include <string>

#include "kernels/cuda/device.h"

namespace millrace::kernels::cuda {

// The outcome of a runtime call that answered error.
inline Outcome OutcomeOf(cudaError_t error, const char* file, int line, const std::string& call) {
  if (error == cudaSuccess) return {};
  static_cast<void>(cudaGetLastError());
  return {Outcome::Code::kDeviceError, std::string(file) + ":" + std::to_string(line) + ": " +
                                           call + ": " + cudaGetErrorString(error) + " (" +
                                           cudaGetErrorName(error) + ")"};
}

}  // namespace millrace::kernels::cuda

#define MILLRACE_CUDA_CHECK(call) \
  ::millrace::kernels::cuda::OutcomeOf((call), __FILE__, __LINE__, #call)

#endif  // MILLRACE_KERNELS_CUDA_CHECK_H_
