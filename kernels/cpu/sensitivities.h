// A step of sensitivities on the CPU: blocks wide or narrow against a vector of the target.
#ifndef MILLRACE_KERNELS_CPU_SENSITIVITIES_H_
#define MILLRACE_KERNELS_CPU_SENSITIVITIES_H_

#include <cstdint>

#include "kernels/cpu/even_sensitivities.h"
#include "kernels/cpu/narrow_sensitivities.h"
#include "kernels/cpu/vectors.h"
#include "kernels/cpu/wide_sensitivities.h"
#include "kernels/steps/sensitivities.h"

namespace millrace::kernels::cpu {

template <typename Target, typename T>
void RunHere(const steps::AdvanceSensitivities<T>& step) {
  const SensitivitySweep<T>& sweep = step.sweep;
  constexpr std::uintptr_t kBytes = kVectorBytes<Target>;
  const auto start = (reinterpret_cast<std::uintptr_t>(sweep.scratch) + kBytes - 1) / kBytes;
  T* const scratch = reinterpret_cast<T*>(start * kBytes);
  bool reaches = false;
  for (int gate = 0; gate < sweep.gate_count; ++gate) {
    reaches = reaches || sweep.gates[gate].reach != nullptr;
  }
  if (sweep.shape.block < Vectors<Target, T>::kLanes && sweep.through.dense != nullptr &&
      !reaches) {
    if (EvenSensitivities<Target, T>::Takes(sweep)) {
      return EvenSensitivities<Target, T>(sweep).Run();
    }
    return NarrowSensitivities<Target, T>(sweep, scratch).Run();
  }
  WideSensitivities<Target, T>(sweep, scratch).Run();
}

}  // namespace millrace::kernels::cpu

#endif  // MILLRACE_KERNELS_CPU_SENSITIVITIES_H_
