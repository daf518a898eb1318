// The definition of RunStep and its instantiation for all steps, for the source of each target.
#ifndef MILLRACE_KERNELS_CPU_RUN_STEP_H_
#define MILLRACE_KERNELS_CPU_RUN_STEP_H_

#include "kernels/cpu/narrow_outer.h"
#include "kernels/cpu/rmsprop_sweep.h"
#include "kernels/cpu/sensitivities.h"
#include "kernels/cpu/serial.h"
#include "kernels/cpu/targets.h"
#include "kernels/cpu/trace_loops.h"
#include "kernels/steps/list.h"

namespace millrace::kernels::cpu {

// A step in the executor's loops, or in loops of its own: cpu/sensitivities.h, cpu/trace_loops.h,
// cpu/narrow_outer.h, cpu/rmsprop_sweep.h.
template <typename Target, typename Step>
void RunHere(const Step& step) {
  Serial<Target> serial;
  step.Run(serial);
}
template <typename Target, typename T>
void RunHere(const steps::SweepTraces<T>& step) {
  TraceLoops<Target, T>(step).Run();
}

template <typename Target>
void RunHere(const steps::RmspropOuter<float>& step) {
  RmspropSweep<Target>(step).Run();
}
template <typename Target>
void RunHere(const steps::RmspropTraced<float>& step) {
  if (step.map.count == 1 || step.map.count == 2) return RmspropTraceSweep<Target>(step).Run();
  Serial<Target> serial;
  step.Run(serial);
}
template <typename Target, typename T>
void RunHere(const steps::OuterProduct<T>& step) {
  RunOuterProduct<Target>(step);
}

template <typename Target, typename Step>
void RunStep(const Step& step) {
  RunHere<Target>(step);
}

}  // namespace millrace::kernels::cpu

// For one Name of the lists of kernels/steps/list.h.
#define MILLRACE_RUN_STEP_ON(Target, Name)                  \
  template void RunStep<Target>(const steps::Name<float>&); \
  template void RunStep<Target>(const steps::Name<double>&);

#endif  // MILLRACE_KERNELS_CPU_RUN_STEP_H_
