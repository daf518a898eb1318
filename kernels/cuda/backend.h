// kernels/device/backend.h on a CUDA device.
#ifndef MILLRACE_KERNELS_CUDA_BACKEND_H_
#define MILLRACE_KERNELS_CUDA_BACKEND_H_

#include <memory>

#include "kernels/device/backend.h"

namespace millrace::kernels::cuda {

// The device of that number, with a queue of its own. Where there is none, or CUDA was not built,
// *backend stays empty and the outcome says why.
device::Outcome OpenBackend(int number, std::unique_ptr<device::Backend>* backend);

}  // namespace millrace::kernels::cuda

#endif  // MILLRACE_KERNELS_CUDA_BACKEND_H_
