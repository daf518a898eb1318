// A step on the instruction set that this process uses: what every entry point of the CPU does.
#ifndef MILLRACE_KERNELS_CPU_RUN_CHOSEN_H_
#define MILLRACE_KERNELS_CPU_RUN_CHOSEN_H_

#include "kernels/cpu/targets.h"

namespace millrace::kernels::cpu {

template <typename Step>
void RunChosen(const Step& step) {
  switch (Chosen()) {
    case Choice::kAvx512:
      return RunStep<Avx512>(step);
    case Choice::kAvx2:
      return RunStep<Avx2>(step);
    case Choice::kBaseline:
      return RunStep<Baseline>(step);
  }
}

}  // namespace millrace::kernels::cpu

#endif  // MILLRACE_KERNELS_CPU_RUN_CHOSEN_H_
