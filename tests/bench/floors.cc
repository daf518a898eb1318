// What this processor can do at best: bytes a second at every size of a working set, and
// floating-point operations a second of one core. The step's times are held against these.
//
//   floors_bench    (Google Benchmark's flags and JSON)
//
// update/SIZE reads and writes every byte of a working set of SIZE bytes in place, as an optimizer
// does to weights and slots; bytes_per_second counts both directions. copy/SIZE is memcpy from one
// half of the working set to the other, both directions counted. fma counts two operations a
// multiply-add, in registers. All with the widest vectors that the processor has.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"

// One body, compiled for each instruction set and chosen when the program starts.
#if defined(__x86_64__)
#define MILLRACE_EVERY_VECTOR_WIDTH __attribute__((target_clones("avx512f", "avx2,fma", "default")))
#else
#define MILLRACE_EVERY_VECTOR_WIDTH
#endif

namespace millrace {
namespace {

// Lowered to one, two or four registers.
using Wide = float __attribute__((vector_size(64)));
constexpr std::size_t kLanes = sizeof(Wide) / sizeof(float);
constexpr std::int64_t kSmallest = 8 << 10;
constexpr std::int64_t kLargest = 256 << 20;

// x[i] += 1 over `count` vectors, four at a time.
MILLRACE_EVERY_VECTOR_WIDTH void UpdateInPlace(Wide* x, std::int64_t count) {
  const Wide one = Wide{} + 1.0F;
  for (std::int64_t i = 0; i < count; i += 4) {
    x[i] += one;
    x[i + 1] += one;
    x[i + 2] += one;
    x[i + 3] += one;
  }
}

constexpr std::int64_t kChains = 12;  // enough to hide a multiply-add's latency twice a cycle

// `rounds` multiply-adds in each of kChains vectors; the sum, so that none is left out.
MILLRACE_EVERY_VECTOR_WIDTH float MultiplyAdd(std::int64_t rounds) {
  std::array<Wide, kChains> chains;
  for (std::size_t i = 0; i < chains.size(); ++i) chains[i] = Wide{} + static_cast<float>(i);
  const Wide factor = Wide{} + 0.999F;
  const Wide term = Wide{} + 0.001F;
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (Wide& chain : chains) chain = chain * factor + term;
  }
  Wide sum{};
  for (const Wide& chain : chains) sum += chain;
  return sum[0];
}

// Aligned to a vector.
class Memory {
 public:
  explicit Memory(std::int64_t bytes) : floats_(Floats(bytes) + kLanes, 1.0F) {
    void* at = floats_.data();
    std::size_t space = floats_.size() * sizeof(float);
    start_ = static_cast<Wide*>(std::align(sizeof(Wide), Floats(bytes) * sizeof(float), at, space));
  }
  Wide* start() { return start_; }

 private:
  static std::size_t Floats(std::int64_t bytes) {
    return static_cast<std::size_t>(bytes) / sizeof(float);
  }
  std::vector<float> floats_;
  Wide* start_ = nullptr;
};

void CountBytes(benchmark::State& state, std::int64_t each) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * each);
}

void Update(benchmark::State& state, std::int64_t bytes) {
  Memory memory(bytes);
  for (auto _ : state) {
    UpdateInPlace(memory.start(), bytes / static_cast<std::int64_t>(sizeof(Wide)));
    benchmark::ClobberMemory();
  }
  CountBytes(state, 2 * bytes);
}

void Copy(benchmark::State& state, std::int64_t bytes) {
  Memory memory(bytes);
  auto* const low = reinterpret_cast<char*>(memory.start());
  const auto half = static_cast<std::size_t>(bytes / 2);
  for (auto _ : state) {
    std::memcpy(low, low + half, half);
    benchmark::ClobberMemory();
  }
  CountBytes(state, bytes);
}

void Fma(benchmark::State& state) {
  constexpr std::int64_t kRounds = 4096;
  for (auto _ : state) benchmark::DoNotOptimize(MultiplyAdd(kRounds));
  constexpr double kEach = 2.0 * kRounds * kChains * static_cast<double>(kLanes);
  state.counters["operations"] =
      benchmark::Counter(kEach, benchmark::Counter::kIsIterationInvariantRate);
}

void RegisterAll() {
  for (std::int64_t bytes = kSmallest; bytes <= kLargest; bytes *= 2) {
    const std::string size = std::to_string(bytes);
    benchmark::RegisterBenchmark(("update/" + size).c_str(), Update, bytes);
    benchmark::RegisterBenchmark(("copy/" + size).c_str(), Copy, bytes);
  }
  benchmark::RegisterBenchmark("fma", Fma);
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  millrace::RegisterAll();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
