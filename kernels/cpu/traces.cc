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
void ChangeTraced(UpdateKind kind, const UpdateRates<T>& rates, const TracedMap<T>& map) {
  cpu::RunOfKind<steps::TracedUpdate, T>(kind, rates, map);
}

#define MILLRACE_INSTANTIATE(T)                                                             \
  template void AdvanceTraces(const TraceRows<T>&);                                         \
  template T SweepTraces(const TraceRows<T>&, const std::uint8_t*, T*);                     \
  template void ContractTraces(const TraceOutput<T>*, int, std::int64_t, std::int64_t, T*); \
  template void ChangeTraced(UpdateKind, const UpdateRates<T>&, const TracedMap<T>&)

MILLRACE_INSTANTIATE(float);
MILLRACE_INSTANTIATE(double);

#undef MILLRACE_INSTANTIATE

}  // namespace millrace::kernels
