// Copy bandwidth of a card's memory, and its float peak.

#include "tests/bench/gpu/floors.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>

namespace millrace::bench {
namespace {

constexpr std::int64_t kCopied = std::int64_t{1} << 30;  // bytes, far above any cache
constexpr int kThreads = 256;
constexpr int kBlocksAProcessor = 8;
constexpr int kRounds = 1 << 14;
constexpr int kChains = 8;  // enough to hide a multiply-add's latency
constexpr int kRepeats = 10;

__global__ void CopyKernel(const float4* from, float4* to, std::int64_t count) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += stride) {
    to[i] = from[i];
  }
}

__global__ void MultiplyAddKernel(float* out) {
  float chains[kChains];
  for (int c = 0; c < kChains; ++c) chains[c] = static_cast<float>(threadIdx.x + c);
  for (int round = 0; round < kRounds; ++round) {
#pragma unroll
    for (float& chain : chains) chain = __fmaf_rn(chain, 0.999F, 0.001F);
  }
  float sum = 0;
  for (const float chain : chains) sum += chain;
  out[static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x] = sum;
}

// Seconds of the fastest of some launches; 0 where one failed.
double Fastest(const std::function<void()>& launch) {
  cudaEvent_t begin = nullptr, end = nullptr;
  if (cudaEventCreate(&begin) != cudaSuccess || cudaEventCreate(&end) != cudaSuccess) return 0;
  float best_ms = 0;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    cudaEventRecord(begin);
    launch();
    cudaEventRecord(end);
    float ms = 0;
    if (cudaEventSynchronize(end) != cudaSuccess) return 0;
    if (cudaEventElapsedTime(&ms, begin, end) != cudaSuccess) return 0;
    best_ms = repeat == 0 ? ms : std::min(best_ms, ms);
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  return 1e-3 * static_cast<double>(best_ms);
}

}  // namespace

bool MeasureCudaFloors(Floors* floors) {
  cudaDeviceProp device{};
  const cudaError_t found = cudaGetDeviceProperties(&device, 0);
  if (found != cudaSuccess) {
    floors->device = cudaGetErrorString(found);
    return false;
  }
  floors->device = device.name;
  const int blocks = kBlocksAProcessor * device.multiProcessorCount;
  float4* from = nullptr;
  float4* to = nullptr;
  if (cudaMalloc(&from, kCopied) != cudaSuccess || cudaMalloc(&to, kCopied) != cudaSuccess) {
    floors->device += ": no memory for the copy";
    return false;
  }
  cudaMemset(from, 0, kCopied);
  const double copy_s = Fastest([&] {
    CopyKernel<<<blocks, kThreads>>>(from, to, kCopied / static_cast<std::int64_t>(sizeof(float4)));
  });
  const double peak_s =
      Fastest([&] { MultiplyAddKernel<<<blocks, kThreads>>>(reinterpret_cast<float*>(to)); });
  cudaFree(from);
  cudaFree(to);
  if (copy_s <= 0 || peak_s <= 0) {
    floors->device += ": a launch failed";
    return false;
  }
  floors->copy_bytes_per_s = 2.0 * static_cast<double>(kCopied) / copy_s;
  floors->operations_per_s = 2.0 * kChains * kRounds * kThreads * blocks / peak_s;
  return true;
}

}  // namespace millrace::bench
