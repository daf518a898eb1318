// kernels/sensitivities.h on the CPU.

#include "kernels/sensitivities.h"

#include <algorithm>
#include <cstdint>

#include "kernels/cpu/run_chosen.h"
#include "kernels/cpu/sensitivities.h"
#include "kernels/steps/sensitivities.h"

namespace millrace::kernels {

std::int64_t SensitivityScratch(const SensitivityShape& shape) {
  const std::int64_t n = shape.units, s = shape.block, states = shape.components * s;
  const std::int64_t plain = states * n;
  const std::int64_t wide = states * (s + cpu::kMostTileVectors * cpu::kMostLanes);
  std::int64_t narrow = 0;
  if (s < cpu::kMostLanes) {
    // M, carries, q; the units' places; the fan-in.
    const std::int64_t padded = n + cpu::kMostLanes;
    narrow = states * cpu::kMostLanes + (states * (s + shape.components + 1) + 1) * padded;
    if (n != shape.connected) narrow += shape.rows * padded;
  }
  return std::max({plain, wide, narrow}) + cpu::kMostLanes;
}

template <typename T>
void AdvanceSensitivities(const SensitivitySweep<T>& sweep) {
  cpu::RunChosen(steps::AdvanceSensitivities<T>{sweep});
}

template <typename T>
void ContractSensitivities(const SensitivityShape& shape, const T* q, const T* values, T* g) {
  cpu::RunChosen(steps::ContractSensitivities<T>{shape, q, values, g});
}

#define MILLRACE_INSTANTIATE(T)                                   \
  template void AdvanceSensitivities(const SensitivitySweep<T>&); \
  template void ContractSensitivities(const SensitivityShape&, const T*, const T*, T*)

MILLRACE_INSTANTIATE(float);
MILLRACE_INSTANTIATE(double);

#undef MILLRACE_INSTANTIATE

}  // namespace millrace::kernels
