// Time of one learning step of a stream, for every kind of step: cell, rule, optimizer, units.
//
//   step_bench    (Google Benchmark's flags and JSON)
//
// step/CELL/RULE/OPTIMIZER/n: in messages of 64 steps; single_step/...: one step a message.
// bytes/CELL/RULE/OPTIMIZER/n has bytes for input, onehot/... the same as 256 dense inputs; both
// predict 4 outputs, so that the difference is the input's; next_byte/... predicts the next byte.
// Counters: step, seconds of processor time of one step; touched, bytes of weights, slots and what
// the rule carries.

#include <cstdint>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "tests/bench/played_stream.h"

namespace millrace::bench {
namespace {

void Step(benchmark::State& state, const Case& c, std::int64_t steps) {
  PlayedStream played(MakeModel(c), c, steps, 1);
  for (auto _ : state) {
    if (!played.Play()) {
      state.SkipWithError("the event was refused");
      return;
    }
  }
  if (!played.Sound()) state.SkipWithError("the stream diverged");
  state.counters["step"] =
      benchmark::Counter(static_cast<double>(steps), benchmark::Counter::kIsIterationInvariantRate |
                                                         benchmark::Counter::kInvert);
  state.counters["touched"] = static_cast<double>(played.TouchedBytes());
}

benchmark::internal::Benchmark* Register(const std::string& kind, const Case& c,
                                         std::int64_t steps) {
  return benchmark::RegisterBenchmark((kind + "/" + c.Name()).c_str(), Step, c, steps);
}

struct Grid {
  std::vector<std::string> cells, rules, optimizers;
  std::vector<std::int64_t> units;
  std::int64_t message_steps = kMessageSteps;
};

void Register(const Grid& grid) {
  for (const std::string& cell : grid.cells) {
    for (const std::string& rule : grid.rules) {
      for (const std::string& optimizer : grid.optimizers) {
        for (const std::int64_t n : grid.units) {
          Register("step", {cell, rule, optimizer, n}, grid.message_steps);
        }
      }
    }
  }
}

// Where a step takes up to half a minute and its state 4.5 GB: a few of them, once.
void RegisterLongSteps() {
  for (const char* const rule : {"ring4", "rtrl"}) {
    Register("step", {"vanilla", rule, "rmsprop", 512}, 1)->Iterations(2)->Repetitions(1);
    Register("step", {"vanilla", rule, "rmsprop", 1024}, 1)->Iterations(1)->Repetitions(1);
  }
}

// Shorter messages where a step takes milliseconds.
void RegisterSteps() {
  const std::vector<std::int64_t> all = {32, 64, 128, 256, 512, 1024};
  Register({{"vanilla"}, {"immediate", "trace", "rflo", "snap1"}, {"sgd", "rmsprop", "adam"}, all});
  Register({{"ctrnn", "lstm", "gru"}, {"immediate", "snap1"}, {"rmsprop"}, all});
  Register({{"vanilla"}, {"rtrl", "ring4"}, {"rmsprop"}, {32, 64, 128}, 8});
  Register({{"vanilla"}, {"rtrl", "ring4"}, {"rmsprop"}, {256}, 1});
  Register({{"vanilla"}, {"block4", "block16"}, {"rmsprop"}, all});
  Register({{"ctrnn", "lstm", "gru"}, {"rtrl", "ring4"}, {"rmsprop"}, {32, 64}, 4});
  Register({{"ctrnn", "lstm", "gru"}, {"block4"}, {"rmsprop"}, {32, 64, 128, 256}});
  Register(
      {{"lru", "rg_lru", "glru", "min_gru", "elstm", "s4d", "rwkv"}, {"rtrl"}, {"rmsprop"}, all});
}

void RegisterBytes() {
  for (const char* const rule : {"immediate", "trace", "snap1", "rtrl"}) {
    for (const char* const optimizer : {"sgd", "rmsprop", "adam"}) {
      for (const std::int64_t n : {32, 256}) {
        if (std::string(rule) == "rtrl" && n == 256) continue;
        const std::int64_t steps = std::string(rule) == "rtrl" ? 4 : kMessageSteps;
        Register("bytes", {"vanilla", rule, optimizer, n, Input::kBytes}, steps);
        Register("onehot", {"vanilla", rule, optimizer, n, Input::kOneHotVector}, steps);
      }
    }
  }
}

// What a byte costs with every cell: those whose input weights meet the byte alone touch one row.
void RegisterByteCells() {
  for (const char* const cell : {"ctrnn", "lstm", "gru", "elstm", "slstm", "block_gru", "min_gru",
                                 "lru", "glru", "rg_lru", "s4d", "retnet", "rwkv"}) {
    Register("bytes", {cell, "immediate", "rmsprop", 64, Input::kBytes}, kMessageSteps);
    Register("onehot", {cell, "immediate", "rmsprop", 64, Input::kOneHotVector}, kMessageSteps);
  }
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  millrace::bench::RegisterSteps();
  millrace::bench::RegisterLongSteps();
  millrace::bench::RegisterBytes();
  millrace::bench::RegisterByteCells();
  using millrace::bench::Input;
  millrace::bench::Register("single_step", {"vanilla", "immediate", "rmsprop", 64}, 1);
  millrace::bench::Register("next_byte", {"vanilla", "immediate", "rmsprop", 128, Input::kNextByte},
                            millrace::bench::kMessageSteps);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
