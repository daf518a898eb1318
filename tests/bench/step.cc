// Time of one learning step of a stream, and of the floor below it: one pass over its bytes.
//
// Every step learns: d = 40 inputs, m = 4 outputs, mean squared error, float32, a target with each
// observation, in messages of 64 steps, on one core. The floor reads and writes once as many
// bytes as the step must: weights, optimizer slots and the rule's traces.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "benchmark/benchmark.h"
#include "engine/model.h"
#include "engine/stream.h"

namespace millrace {
namespace {

constexpr std::int64_t kInputs = 40;
constexpr std::int64_t kOutputs = 4;
constexpr std::int64_t kMessageSteps = 64;

struct Case {
  std::string rule;  // as shown: "trace" is the immediate rule with decay
  std::string optimizer;
  std::int64_t units = 0;  // n
};

engine::PartSpec RulePart(const std::string& rule) {
  if (rule == "trace") return {"immediate", {{"decay", 0.9}}};
  return {rule, {}};
}

std::shared_ptr<const engine::Model> MakeModel(const engine::ModelSpec& spec) {
  auto model = engine::Model::Create("bench", spec);
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", model.status().ToString().c_str());
    std::exit(1);
  }
  return *std::move(model);
}

std::shared_ptr<const engine::Model> VectorModel(const Case& c) {
  engine::ModelSpec spec;
  spec.input = {"vector", {{"size", kInputs}}};
  spec.cell = {"vanilla", {{"units", c.units}}};
  spec.head = {"linear", {{"outputs", kOutputs}}};
  spec.loss = {"mean_squared_error", {}};
  spec.rule = RulePart(c.rule);
  spec.optimizer = {c.optimizer, {{"rate", 1e-4}}};
  return MakeModel(spec);
}

std::shared_ptr<const engine::Model> ByteModel(std::int64_t units) {
  engine::ModelSpec spec;
  spec.input = {"bytes", {}};
  spec.cell = {"vanilla", {{"units", units}}};
  spec.head = {"linear", {}};
  spec.loss = {"cross_entropy", {}};
  spec.target = {"next_input", {}};
  return MakeModel(spec);
}

std::vector<float> Normal(std::int64_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

// Applies `event` again and again, numbered on; counts its steps.
void Play(benchmark::State& state, const std::shared_ptr<const engine::Model>& model,
          engine::Observe event, std::int64_t steps) {
  auto stream = engine::Stream::Open(model, "bench", {.seed = 1, .overrides = {}});
  engine::Outcome outcome;
  for (auto _ : state) {
    event.first_seq = (*stream)->applied_seq() + 1;
    const engine::Event numbered = event;
    if (!(*stream)->Check(numbered).ok()) {
      state.SkipWithError("the event was refused");
      return;
    }
    outcome.Clear();
    (*stream)->Apply(numbered, {}, &outcome);
    benchmark::DoNotOptimize(outcome.outputs.data());
  }
  if ((*stream)->Stats().refused_updates > 0) state.SkipWithError("the stream diverged");
  state.counters["step"] =
      benchmark::Counter(static_cast<double>(steps), benchmark::Counter::kIsIterationInvariantRate |
                                                         benchmark::Counter::kInvert);
}

void StepOfVectors(benchmark::State& state, const Case& c, std::int64_t steps) {
  const std::vector<float> inputs = Normal(steps * kInputs);
  const std::vector<float> targets = Normal(steps * kOutputs);
  engine::Observe event;
  event.floats = inputs;
  event.targets.emplace();
  event.targets->values = targets;
  Play(state, VectorModel(c), event, steps);
}

void StepOfBytes(benchmark::State& state, std::int64_t units, std::int64_t steps) {
  std::mt19937 random(1);
  std::vector<std::uint8_t> text(static_cast<std::size_t>(steps));
  for (std::uint8_t& byte : text) byte = static_cast<std::uint8_t>('a' + random() % 26);
  engine::Observe event;
  event.raw_bytes = text;
  Play(state, ByteModel(units), event, steps);
}

// Floats that a step must read and write once: weights, slots, and the traces of the rule.
std::int64_t TouchedFloats(const Case& c) {
  const std::int64_t columns = c.units + kInputs + 1;
  const std::int64_t weights = columns * c.units + (c.units + 1) * kOutputs;
  const std::int64_t slots = c.optimizer == "sgd" ? 0 : c.optimizer == "rmsprop" ? 1 : 2;
  return weights * (1 + slots) + (c.rule == "immediate" ? 0 : columns * c.units);
}

// Each half is copied over the other: every byte is read once and written once, at libc's best.
void Floor(benchmark::State& state, const Case& c) {
  const auto half = static_cast<std::size_t>(TouchedFloats(c) / 2);
  std::vector<float> memory(2 * half, 1.0F);
  float* const low = memory.data();
  for (auto _ : state) {
    std::memcpy(low, low + half, half * sizeof(float));
    benchmark::ClobberMemory();
    std::memcpy(low + half, low, half * sizeof(float));
    benchmark::ClobberMemory();
  }
  state.counters["step"] = benchmark::Counter(
      1, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

std::string Name(const std::string& kind, const Case& c) {
  return kind + "/" + c.rule + "/" + c.optimizer + "/" + std::to_string(c.units);
}

void RegisterCase(const Case& c) {
  benchmark::RegisterBenchmark(Name("step", c).c_str(), StepOfVectors, c, kMessageSteps);
  benchmark::RegisterBenchmark(Name("floor", c).c_str(), Floor, c);
}

void RegisterAll() {
  for (const char* rule : {"immediate", "trace", "rflo", "snap1"}) {
    for (const char* optimizer : {"sgd", "rmsprop", "adam"}) {
      for (const std::int64_t units : {32, 64, 128, 256}) {
        RegisterCase({rule, optimizer, units});
      }
    }
  }
  const Case usual = {"immediate", "rmsprop", 64};
  benchmark::RegisterBenchmark(Name("single_step", usual).c_str(), StepOfVectors, usual, 1);
  benchmark::RegisterBenchmark("bytes/immediate/rmsprop/128", StepOfBytes, 128, kMessageSteps);
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
