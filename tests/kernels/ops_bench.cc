// Time of the operations a step is made of, per element; the floor is one pass over the operands.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/ops.h"

namespace millrace::kernels {
namespace {

constexpr std::int64_t kUnits = 64;
constexpr std::int64_t kInputs = 86;

void SetElements(benchmark::State& state, std::int64_t elements) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * elements);
}

template <typename T>
std::vector<T> Ramp(std::int64_t count, double low, double high) {
  std::vector<T> values(static_cast<std::size_t>(count));
  double value = low;
  for (T& element : values) {
    element = static_cast<T>(value);
    value += (high - low) / static_cast<double>(count);
  }
  return values;
}

template <typename T>
void BM_MatVec(benchmark::State& state) {
  const std::vector<T> matrix_t = Ramp<T>(kInputs * kUnits, -1, 1);
  const std::vector<T> x = Ramp<T>(kInputs, -1, 1);
  std::vector<T> out(kUnits);
  for (auto _ : state) {
    MatVec(matrix_t.data(), x.data(), kInputs, kUnits, out.data());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  SetElements(state, kInputs * kUnits);
}

template <typename T>
void BM_TransposedMatVec(benchmark::State& state) {
  const std::vector<T> matrix_t = Ramp<T>(kInputs * kUnits, -1, 1);
  const std::vector<T> y = Ramp<T>(kUnits, -1, 1);
  std::vector<T> out(kInputs);
  for (auto _ : state) {
    TransposedMatVec(matrix_t.data(), y.data(), kInputs, kUnits, out.data());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  SetElements(state, kInputs * kUnits);
}

template <typename T>
void BM_RmspropChange(benchmark::State& state) {
  const std::int64_t p = kInputs * kUnits;
  const UpdateRates<T> rates = {T(0.01), T(0), T(0.99), T(1e-8), T(0), T(1), T(1), false};
  const std::vector<T> gradient = Ramp<T>(p, -1, 1);
  std::vector<T> v = Ramp<T>(p, 0, 1);
  std::vector<T> g(gradient);
  const FlushDenormals flush;
  for (auto _ : state) {
    // A change in place of a gradient would shrink to nothing; the copy costs a tenth.
    std::copy(gradient.begin(), gradient.end(), g.begin());
    Change<T>(UpdateKind::kRmsprop, rates, {.p = p, .second = v.data(), .g = g.data()});
    benchmark::DoNotOptimize(g.data());
    benchmark::ClobberMemory();
  }
  SetElements(state, p);
}

template <typename T>
void BM_LeakyTanh(benchmark::State& state) {
  const std::int64_t n = 1024;
  const std::vector<T> a = Ramp<T>(n, -4, 4);
  std::vector<T> h(static_cast<std::size_t>(n));
  std::vector<T> slope(static_cast<std::size_t>(n));
  for (auto _ : state) {
    LeakyTanh(a.data(), h.data(), T(0.5), n, h.data(), slope.data());
    benchmark::DoNotOptimize(h.data());
    benchmark::ClobberMemory();
  }
  SetElements(state, n);
}

#define MILLRACE_BENCHMARK(Name)   \
  BENCHMARK_TEMPLATE(Name, float); \
  BENCHMARK_TEMPLATE(Name, double)
MILLRACE_BENCHMARK(BM_MatVec);
MILLRACE_BENCHMARK(BM_TransposedMatVec);
MILLRACE_BENCHMARK(BM_RmspropChange);
MILLRACE_BENCHMARK(BM_LeakyTanh);
#undef MILLRACE_BENCHMARK

}  // namespace
}  // namespace millrace::kernels
