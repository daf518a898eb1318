// A step on the instruction set that this process uses: what every entry point of the CPU does.
#ifndef MILLRACE_KERNELS_CPU_RUN_CHOSEN_H_
#define MILLRACE_KERNELS_CPU_RUN_CHOSEN_H_

#include "kernels/cpu/targets.h"
#include "kernels/ops.h"

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

// Step<T, kind> of rates and what it changes.
template <template <typename, UpdateKind> class Step, typename T, typename Map>
void RunOfKind(UpdateKind kind, const UpdateRates<T>& rates, const Map& map) {
  switch (kind) {
    case UpdateKind::kSgd:
      return RunChosen(Step<T, UpdateKind::kSgd>{rates, map});
    case UpdateKind::kMomentum:
      return RunChosen(Step<T, UpdateKind::kMomentum>{rates, map});
    case UpdateKind::kRmsprop:
      return RunChosen(Step<T, UpdateKind::kRmsprop>{rates, map});
    case UpdateKind::kAdam:
      return RunChosen(Step<T, UpdateKind::kAdam>{rates, map});
  }
}

}  // namespace millrace::kernels::cpu

#endif  // MILLRACE_KERNELS_CPU_RUN_CHOSEN_H_
