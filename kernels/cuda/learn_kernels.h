// The kernels of a learning step: kernels/device/step.h, one thread block a stream, or, where a
// stream's sweep is worth many blocks, three launches a row. For the sources that instantiate it,
// one a type of numbers.
#ifndef MILLRACE_KERNELS_CUDA_LEARN_KERNELS_H_
#define MILLRACE_KERNELS_CUDA_LEARN_KERNELS_H_

#include <cuda_runtime.h>

#include <cstdint>
#include <string>

#include "kernels/cuda/check.h"
#include "kernels/cuda/learn.h"
#include "kernels/cuda/thread_block.h"
#include "kernels/device/step.h"
#include "kernels/device/team.h"
#include "kernels/steps/block.h"

namespace millrace::kernels::cuda {

namespace {

using device::kThreads;
using device::Launch;
using device::Plan;
using device::Team;
using device::Work;

// Registers for two blocks on a multiprocessor.
constexpr int kBlocksAtOnce = 2;

enum class Portion { kRows, kFront, kSweep, kBack };

// Vectors of four numbers are loaded from it at once.
extern __shared__ __align__(32) double shared[];

template <typename T, Portion kPortion>
__global__ void __launch_bounds__(kThreads, kBlocksAtOnce)
    RunPortion(const __grid_constant__ Plan<T> plan, const Work<T>* works, int row) {
  __shared__ double scratch[steps::kScratchBytes / sizeof(double)];
  __shared__ Work<T> work;
  const Work<T>& home = works[blockIdx.y];
  if (threadIdx.x == 0) {
    work = kPortion == Portion::kRows ? device::NearWork(plan, home, shared) : home;
  }
  __syncthreads();
  ThreadBlock block(scratch, shared);
  Team<T, ThreadBlock> team(block, plan, work);
  if constexpr (kPortion == Portion::kRows) {
    device::RunMessage(team, home.slot);
  } else if constexpr (kPortion == Portion::kFront) {
    device::RunFrontAlone(team, work.first + row);
  } else if constexpr (kPortion == Portion::kSweep) {
    device::RunSweepAlone(team, work.first + row,
                          {static_cast<int>(blockIdx.x), static_cast<int>(gridDim.x)});
  } else {
    device::RunBackAlone(team, work.first + row);
  }
}

template <typename T, Portion kPortion>
Outcome AllowPortion(std::int64_t bytes) {
  cudaFuncAttributes attributes;
  Outcome outcome =
      MILLRACE_CUDA_CHECK(cudaFuncGetAttributes(&attributes, RunPortion<T, kPortion>));
  if (!outcome.ok()) return outcome;
  const std::int64_t dynamic = bytes - static_cast<std::int64_t>(attributes.sharedSizeBytes);
  return MILLRACE_CUDA_CHECK(cudaFuncSetAttribute(RunPortion<T, kPortion>,
                                                  cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                  static_cast<int>(dynamic)));
}

template <typename T, Portion kPortion>
Outcome LaunchPortion(const Launch<T>& launch, int blocks, int row, Stream stream) {
  const auto bytes = static_cast<std::size_t>(launch.shared_bytes());
  const dim3 grid(static_cast<unsigned>(blocks), static_cast<unsigned>(launch.count));
  RunPortion<T, kPortion><<<grid, kThreads, bytes, static_cast<cudaStream_t>(stream)>>>(
      launch.plan, launch.works, row);
  const cudaError_t error = cudaGetLastError();
  if (error == cudaSuccess) return {};
  return OutcomeOf(error, __FILE__, __LINE__,
                   "launch of " + std::to_string(launch.count) + " streams");
}

}  // namespace

template <typename T>
Outcome AllowShared(std::int64_t bytes) {
  Outcome outcome = AllowPortion<T, Portion::kRows>(bytes);
  if (outcome.ok()) outcome = AllowPortion<T, Portion::kFront>(bytes);
  if (outcome.ok()) outcome = AllowPortion<T, Portion::kSweep>(bytes);
  if (outcome.ok()) outcome = AllowPortion<T, Portion::kBack>(bytes);
  return outcome;
}

template <typename T>
Outcome RunLaunch(const Launch<T>& launch, Stream stream) {
  if (launch.splits == 1) return LaunchPortion<T, Portion::kRows>(launch, 1, 0, stream);
  Outcome outcome;
  for (int row = 0; outcome.ok() && row < launch.rows; ++row) {
    outcome = LaunchPortion<T, Portion::kFront>(launch, 1, row, stream);
    if (outcome.ok()) {
      outcome = LaunchPortion<T, Portion::kSweep>(launch, launch.splits, row, stream);
    }
    if (outcome.ok()) outcome = LaunchPortion<T, Portion::kBack>(launch, 1, row, stream);
  }
  return outcome;
}

}  // namespace millrace::kernels::cuda

#endif  // MILLRACE_KERNELS_CUDA_LEARN_KERNELS_H_
