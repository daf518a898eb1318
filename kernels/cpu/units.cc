// kernels/units.h on the CPU.

#include "kernels/units.h"

#include <cstdint>

#include "kernels/cells/list.h"
#include "kernels/cpu/run_chosen.h"
#include "kernels/steps/units.h"

namespace millrace::kernels {

template <typename T, typename Unit>
void AdvanceUnits(const Unit& unit, const UnitArrays<T>& arrays) {
  cpu::RunChosen(steps::Units<T, Unit>{unit, arrays});
}

template <typename T>
void AdvanceS4dUnits(int states, const UnitArrays<T>& arrays) {
  cpu::RunChosen(steps::S4dUnits<T>{states, arrays});
}

template <typename T>
void Modulate(const T* a, const T* x, std::int64_t n, T* view, T* gain, T* slope) {
  cpu::RunChosen(steps::Modulate<T>{a, x, n, view, gain, slope});
}

#define MILLRACE_INSTANTIATE_UNIT(Name)                                     \
  template void AdvanceUnits(const Name<float>&, const UnitArrays<float>&); \
  template void AdvanceUnits(const Name<double>&, const UnitArrays<double>&);
MILLRACE_FOR_EACH_UNIT(MILLRACE_INSTANTIATE_UNIT)
#undef MILLRACE_INSTANTIATE_UNIT

#define MILLRACE_INSTANTIATE(T)                             \
  template void AdvanceS4dUnits(int, const UnitArrays<T>&); \
  template void Modulate(const T*, const T*, std::int64_t, T*, T*, T*)

MILLRACE_INSTANTIATE(float);
MILLRACE_INSTANTIATE(double);

#undef MILLRACE_INSTANTIATE

}  // namespace millrace::kernels
