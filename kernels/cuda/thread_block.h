// kernels/steps/block.h's Block, and what kernels/device/team.h asks for beside it, on a GPU: a
// thread block. For sources of kernels/cuda/ only.
#ifndef MILLRACE_KERNELS_CUDA_THREAD_BLOCK_H_
#define MILLRACE_KERNELS_CUDA_THREAD_BLOCK_H_

#include <cuda_runtime.h>

namespace millrace::kernels::cuda {

// Of one thread: it has only its own.
template <typename A>
class Held {
 public:
  __device__ __forceinline__ A& Of(int) { return value_; }

 private:
  A value_;
};

class ThreadBlock {
 public:
  __device__ __forceinline__ explicit ThreadBlock(void* scratch, void* shared = nullptr)
      : scratch_(scratch), shared_(shared) {}
  __device__ __forceinline__ int Threads() const { return static_cast<int>(blockDim.x); }
  __device__ __forceinline__ void* Scratch() const { return scratch_; }
  __device__ __forceinline__ void* Shared() const { return shared_; }
  template <typename Body>
  __device__ __forceinline__ void Phase(const Body& body) const {
    body(static_cast<int>(threadIdx.x));
    __syncthreads();
  }
  template <typename Body>
  __device__ __forceinline__ bool Any(const Body& body) const {
    return __syncthreads_or(body(static_cast<int>(threadIdx.x)) ? 1 : 0) != 0;
  }
  template <typename A>
  __device__ __forceinline__ Held<A> Registers() const {
    return {};
  }

 private:
  void* scratch_;
  void* shared_;
};

}  // namespace millrace::kernels::cuda

#endif  // MILLRACE_KERNELS_CUDA_THREAD_BLOCK_H_
