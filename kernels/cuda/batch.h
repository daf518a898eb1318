// Steps on the GPU: one operation for many streams, one thread block a stream.
//
//   // in device memory: steps::OuterProduct<float> batch[streams], its pointers on the device too
//   Outcome outcome = cuda::RunBatch(batch, streams, stream);
//   if (!outcome.ok()) return Translate(outcome);
//
// The steps of a batch may differ in their shapes. Batches in one CUDA stream run in order. Results
// of a step depend on its own arguments only, and have the bits of the CPU's wherever no denormal
// number occurs (a GPU flushes float ones, and double ones not).
// Where CUDA was not built, kernels/stub/ answers kNotBuilt. Thread-safe. Allocates nothing.
#ifndef MILLRACE_KERNELS_CUDA_BATCH_H_
#define MILLRACE_KERNELS_CUDA_BATCH_H_

#include <cstdint>

#include "kernels/cuda/device.h"

namespace millrace::kernels::cuda {

// Queues steps[0 .. count) on the stream and returns. Step is a struct of kernels/steps/list.h, of
// float or double; steps points to device memory that stays until the stream has passed.
template <typename Step>
Outcome RunBatch(const Step* steps, std::int64_t count, Stream stream);

}  // namespace millrace::kernels::cuda

#endif  // MILLRACE_KERNELS_CUDA_BATCH_H_
