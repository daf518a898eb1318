// kernels/steps/block.h's Block, and what kernels/device/team.h asks for beside it, on a GPU: a
// thread block. For sources of kernels/cuda/ only.
#ifndef MILLRACE_KERNELS_CUDA_THREAD_BLOCK_H_
#define MILLRACE_KERNELS_CUDA_THREAD_BLOCK_H_

#include <cuda_runtime.h>

#include "kernels/device/fragments.h"

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
  __device__ __forceinline__ float Tf32(float x) const {
    unsigned rounded;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(x));
    return __uint_as_float(rounded);
  }
  template <typename Operands, typename HeldSums, typename Load>
  __device__ __forceinline__ void Multiply(int steps, const Load& load, HeldSums& held) const {
    const int t = static_cast<int>(threadIdx.x);
    for (int step = 0; step < steps; ++step) {
      const Operands operands = load(t, step);
#pragma unroll
      for (int m = 0; m < Operands::kLeftCount; ++m) {
#pragma unroll
        for (int n = 0; n < Operands::kRightCount; ++n) {
          device::SumFragment product = {};
          device::EachProduct<Operands::kPartCount>([&](int of_left, int of_right) {
            MultiplyAdd(operands.left[of_left][m], operands.right[of_right][n], &product);
          });
#pragma unroll
          for (int i = 0; i < 4; ++i) held.Of(t).sum[m][n].at[i] += product.at[i];
        }
      }
    }
    __syncthreads();
  }

 private:
  // sum += left right, of the lanes of a warp together; volatile, since all of them must come here.
  __device__ __forceinline__ static void MultiplyAdd(const device::LeftFragment& left,
                                                     const device::RightFragment& right,
                                                     device::SumFragment* sum) {
    float* const s = sum->at;
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(s[0]), "+f"(s[1]), "+f"(s[2]), "+f"(s[3])
        : "r"(__float_as_uint(left.at[0])), "r"(__float_as_uint(left.at[1])),
          "r"(__float_as_uint(left.at[2])), "r"(__float_as_uint(left.at[3])),
          "r"(__float_as_uint(right.at[0])), "r"(__float_as_uint(right.at[1])));
  }

  void* scratch_;
  void* shared_;
};

}  // namespace millrace::kernels::cuda

#endif  // MILLRACE_KERNELS_CUDA_THREAD_BLOCK_H_
