// The steps on processors with AVX2 and FMA.

#include "kernels/cpu/run_step.h"

namespace millrace::kernels::cpu {

#define MILLRACE_INSTANTIATE(Name) MILLRACE_RUN_STEP_ON(Avx2, Name)
MILLRACE_FOR_EACH_STEP(MILLRACE_INSTANTIATE)
MILLRACE_FOR_EACH_UNITS(MILLRACE_INSTANTIATE)
MILLRACE_FOR_EACH_SENSITIVITIES(MILLRACE_INSTANTIATE)
#undef MILLRACE_INSTANTIATE

}  // namespace millrace::kernels::cpu
