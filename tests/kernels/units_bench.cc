// Time of the units of a cell, per unit: what a step takes beside its weighted sums.

#include <cstdint>
#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/cells/list.h"
#include "kernels/cells/s4d.h"
#include "kernels/units.h"

namespace millrace::kernels {
namespace {

constexpr std::int64_t kUnits = 64;
constexpr int kS4dStates = 4;

// Rows enough for any map here.
template <typename T>
class Rows {
 public:
  explicit Rows(int rows) : values_(static_cast<std::size_t>(rows) * kUnits) {
    double value = -1;
    for (T& x : values_) {
      x = static_cast<T>(value);
      value += 2 / static_cast<double>(values_.size());
    }
  }
  T* values() { return values_.data(); }

 private:
  std::vector<T> values_;
};

template <typename T, typename Advance>
void TimeUnits(benchmark::State& state, const Advance& advance) {
  constexpr int kMost = 3 + 12 * kS4dStates;
  Rows<T> a(kMost), previous(kMost), next(kMost), carry(kMost), slope(kMost);
  const UnitArrays<T> arrays = {kUnits,        a.values(),     previous.values(),
                                next.values(), carry.values(), slope.values()};
  for (auto _ : state) {
    advance(arrays);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * kUnits);
}

template <typename T, template <typename> class Unit>
void BM_Units(benchmark::State& state) {
  TimeUnits<T>(state, [](const UnitArrays<T>& arrays) { AdvanceUnits(Unit<T>(), arrays); });
}
template <typename T>
void BM_S4dUnits(benchmark::State& state) {
  TimeUnits<T>(state, [](const UnitArrays<T>& arrays) { AdvanceS4dUnits(kS4dStates, arrays); });
}

#define MILLRACE_BENCHMARK(Name)             \
  BENCHMARK_TEMPLATE(BM_Units, float, Name); \
  BENCHMARK_TEMPLATE(BM_Units, double, Name);
MILLRACE_FOR_EACH_UNIT(MILLRACE_BENCHMARK)
#undef MILLRACE_BENCHMARK
BENCHMARK_TEMPLATE(BM_S4dUnits, float);
BENCHMARK_TEMPLATE(BM_S4dUnits, double);

}  // namespace
}  // namespace millrace::kernels
