// The instruction sets that the CPU's loops are compiled for, and a step on one of them.
//
// All give the same bits: the order of every sum belongs to the step, and none contracts a product
// and a sum into an FMA. Width decides speed only, so it is no part of the numeric path.
#ifndef MILLRACE_KERNELS_CPU_TARGETS_H_
#define MILLRACE_KERNELS_CPU_TARGETS_H_

namespace millrace::kernels::cpu {

struct Baseline;  // what every processor of the architecture has: SSE2, NEON
struct Avx2;      // x86-64 with AVX2; elsewhere compiled as Baseline and never supported

// Whether this processor runs Target. A load and a test.
template <typename Target>
bool Supports();

// Runs a step of kernels/steps/list.h, of float or double. Target must be supported.
template <typename Target, typename Step>
void RunStep(const Step& step);

}  // namespace millrace::kernels::cpu

#endif  // MILLRACE_KERNELS_CPU_TARGETS_H_
