// batch.h: the steps launched with one block a stream.

#include <cuda_runtime.h>

#include <cstdint>
#include <limits>
#include <string>

#include "kernels/cuda/batch.h"
#include "kernels/cuda/check.h"
#include "kernels/cuda/thread_block.h"
#include "kernels/steps/block.h"
#include "kernels/steps/list.h"

namespace millrace::kernels::cuda {

namespace {

constexpr int kThreads = 128;

template <typename Step>
__global__ void __launch_bounds__(kThreads) RunStep(const Step* steps) {
  __shared__ double scratch[steps::kScratchBytes / sizeof(double)];
  ThreadBlock block(scratch);
  steps::BlockExecutor<ThreadBlock> exec(block);
  const Step step = steps[blockIdx.x];
  step.Run(exec);
}

}  // namespace

template <typename Step>
Outcome RunBatch(const Step* steps, std::int64_t count, Stream stream) {
  if (count <= 0) return {};
  if (count > std::numeric_limits<std::int32_t>::max()) {
    return {Outcome::Code::kDeviceError,
            "RunBatch has " + std::to_string(count) + " steps; a launch takes at most 2147483647"};
  }
  RunStep<<<static_cast<unsigned>(count), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(steps);
  return OutcomeOf(cudaGetLastError(), __FILE__, __LINE__,
                   "launch of " + std::to_string(count) + " blocks");
}

#define MILLRACE_INSTANTIATE(Name)                                            \
  template Outcome RunBatch(const steps::Name<float>*, std::int64_t, Stream); \
  template Outcome RunBatch(const steps::Name<double>*, std::int64_t, Stream);

MILLRACE_FOR_EACH_STEP(MILLRACE_INSTANTIATE)

#undef MILLRACE_INSTANTIATE

}  // namespace millrace::kernels::cuda
