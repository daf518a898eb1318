// The steps on every processor.

#include "kernels/cpu/run_step.h"

namespace millrace::kernels::cpu {

#define MILLRACE_INSTANTIATE(Name) MILLRACE_RUN_STEP_ON(Baseline, Name)
MILLRACE_FOR_EACH_STEP(MILLRACE_INSTANTIATE)
MILLRACE_FOR_EACH_UNITS(MILLRACE_INSTANTIATE)
MILLRACE_FOR_EACH_SENSITIVITIES(MILLRACE_INSTANTIATE)
#undef MILLRACE_INSTANTIATE

}  // namespace millrace::kernels::cpu
