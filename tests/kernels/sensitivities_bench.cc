// Time of one step of sensitivities: floating-point operations a second, to be held against those
// of a matrix product on the same machine, and bytes of S read and written.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/cpu/targets.h"
#include "kernels/ops.h"
#include "kernels/steps/list.h"
#include "tests/kernels/sensitivity_cases.h"

namespace millrace::kernels {
namespace {

constexpr std::int64_t kInputs = 40;

// A gate's rows: the units of the block, the inputs and a bias.
SensitivityCase WithInputs(SensitivityCase of) {
  for (std::int64_t& rows : of.gates) rows = of.c + kInputs + 1;
  return of;
}

template <typename T>
void Sweep(benchmark::State& state, const SensitivityCase& of, cpu::Choice choice) {
  SensitivityArrays<T> arrays(of);
  const steps::AdvanceSensitivities<T> step{arrays.sweep()};
  const FlushDenormals flush;
  for (auto _ : state) {
    switch (choice) {
      case cpu::Choice::kAvx512:
        cpu::RunStep<cpu::Avx512>(step);
        break;
      case cpu::Choice::kAvx2:
        cpu::RunStep<cpu::Avx2>(step);
        break;
      case cpu::Choice::kBaseline:
        cpu::RunStep<cpu::Baseline>(step);
        break;
    }
    benchmark::ClobberMemory();
  }
  const auto numbers = static_cast<double>(of.components * of.s * arrays.shape().row());
  const auto terms = static_cast<double>(of.kept > 0 ? of.kept : of.s);
  state.counters["flops"] =
      benchmark::Counter(2 * numbers * terms, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["bytes"] =
      benchmark::Counter(2 * numbers * sizeof(T), benchmark::Counter::kIsIterationInvariantRate);
}

template <typename T>
void Register(const std::string& type, const SensitivityCase& of, cpu::Choice choice) {
  const std::string name = "Sweep/" + of.name + "/" + type + "/n:" + std::to_string(of.n) +
                           "/s:" + std::to_string(of.s) + "/" + cpu::NameOf(choice);
  benchmark::RegisterBenchmark(name.c_str(), Sweep<T>, WithInputs(of), choice);
}

bool RegisterAll() {
  std::vector<cpu::Choice> choices = {cpu::Choice::kBaseline};
  if (cpu::Supports<cpu::Avx2>()) choices.push_back(cpu::Choice::kAvx2);
  if (cpu::Supports<cpu::Avx512>()) choices.push_back(cpu::Choice::kAvx512);
  std::vector<SensitivityCase> cases = {Gated(64, 64, 64), Gated(64, 4, 64),
                                        Kept(64, 64, 5, false)};
  for (const std::int64_t n : {64, 128, 256}) {
    cases.push_back(Plain(n, n, n));
    cases.push_back(Kept(n, n, 5, true));
    cases.push_back(Plain(n, 4, n));
    cases.push_back(Plain(n, 16, n));
  }
  for (const SensitivityCase& of : cases) {
    for (const cpu::Choice choice : choices) Register<float>("float", of, choice);
  }
  Register<double>("double", Plain(64, 64, 64), cpu::Chosen());
  return true;
}

const bool kRegistered = RegisterAll();

}  // namespace
}  // namespace millrace::kernels
