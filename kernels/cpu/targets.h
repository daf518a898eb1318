// The instruction sets that the CPU's loops are compiled for, the one that this process uses, and a
// step on one of them.
//
// The order of every sum belongs to the step, so the width of the vectors decides speed only.
// Targets with FMA round a product and its sum once (kernels/math/mul_add.h): all of them give the
// same bits, and the ones without give the same bits among themselves. So the numeric path of a
// process is whether it is fused, and nothing else of the processor.
#ifndef MILLRACE_KERNELS_CPU_TARGETS_H_
#define MILLRACE_KERNELS_CPU_TARGETS_H_

namespace millrace::kernels::cpu {

// What every processor of the architecture has: SSE2, or NEON, which is fused.
struct Baseline;
// x86-64 with AVX2 and FMA, and with AVX-512 too; elsewhere never supported.
struct Avx2;
struct Avx512;

// Whether this processor runs Target. A load and a test.
template <typename Target>
bool Supports();

enum class Choice { kBaseline, kAvx2, kAvx512 };

// What ops.h runs on: the widest that this processor has, or what the environment variable
// MILLRACE_CPU names (baseline, avx2, avx512), if the processor has it. Decided once.
Choice Chosen();
// "baseline", "avx2", "avx512".
const char* NameOf(Choice choice);

// Whether MulAdd rounds once there.
bool IsFused(Choice choice);

// Runs a step of kernels/steps/list.h, of float or double. Target must be supported.
template <typename Target, typename Step>
void RunStep(const Step& step);

}  // namespace millrace::kernels::cpu

#endif  // MILLRACE_KERNELS_CPU_TARGETS_H_
