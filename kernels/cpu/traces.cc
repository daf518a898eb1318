// kernels/traces.h on the CPU.

#include "kernels/traces.h"

#include <cstdint>

#include "kernels/cpu/run_chosen.h"
#include "kernels/steps/sweeps.h"
#include "kernels/steps/traced_updates.h"

namespace millrace::kernels {

template <typename T>
void AdvanceTraces(const TraceRows<T>& rows) {
  cpu::RunChosen(steps::SweepTraces<T>{rows, nullptr, nullptr, nullptr});
}

template <typename T>
T SweepTraces(const TraceRows<T>& rows, const std::uint8_t* takes, T* scratch) {
  T total;
  cpu::RunChosen(steps::SweepTraces<T>{rows, takes, scratch, &total});
  return total;
}

template <typename T>
void ContractTraces(const TraceOutput<T>* outputs, int count, std::int64_t rows, std::int64_t n,
                    T* g) {
  cpu::RunChosen(steps::ContractTraces<T>{outputs, count, rows, n, g});
}

template <typename T>
void SgdTraced(const UpdateRates<T>& rates, const TracedMap<T>& map) {
  cpu::RunChosen(steps::SgdTraced<T>{rates, map});
}

template <typename T>
void MomentumTraced(const UpdateRates<T>& rates, const TracedMap<T>& map) {
  cpu::RunChosen(steps::MomentumTraced<T>{rates, map});
}

template <typename T>
void RmspropTraced(const UpdateRates<T>& rates, const TracedMap<T>& map) {
  cpu::RunChosen(steps::RmspropTraced<T>{rates, map});
}

template <typename T>
void AdamTraced(const UpdateRates<T>& rates, const TracedMap<T>& map) {
  cpu::RunChosen(steps::AdamTraced<T>{rates, map});
}

#define MILLRACE_INSTANTIATE(T)                                                             \
  template void AdvanceTraces(const TraceRows<T>&);                                         \
  template T SweepTraces(const TraceRows<T>&, const std::uint8_t*, T*);                     \
  template void ContractTraces(const TraceOutput<T>*, int, std::int64_t, std::int64_t, T*); \
  template void SgdTraced(const UpdateRates<T>&, const TracedMap<T>&);                      \
  template void MomentumTraced(const UpdateRates<T>&, const TracedMap<T>&);                 \
  template void RmspropTraced(const UpdateRates<T>&, const TracedMap<T>&);                  \
  template void AdamTraced(const UpdateRates<T>&, const TracedMap<T>&)

MILLRACE_INSTANTIATE(float);
MILLRACE_INSTANTIATE(double);

#undef MILLRACE_INSTANTIATE

}  // namespace millrace::kernels
