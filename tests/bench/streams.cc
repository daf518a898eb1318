// Many streams of one model side by side: stream-steps a second through the engine's workers.
//
//   streams_bench    (Google Benchmark's flags and JSON)
//
// streams/COUNT/THREADS: vanilla, n = 64, 40 inputs, 4 outputs, immediate, RMSprop; every stream
// has weights of its own and gets messages of 64 steps. Counters: steps_per_s on the wall clock;
// cpu, processor time of all threads for one step, in seconds.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "engine/workers.h"
#include "tests/bench/played_stream.h"

namespace millrace::bench {
namespace {

const Case kCase = {"vanilla", "immediate", "rmsprop", 64};

void Streams(benchmark::State& state, int count, int threads) {
  const auto model = MakeModel(kCase);
  std::vector<std::unique_ptr<PlayedStream>> streams;
  std::vector<std::function<void()>> jobs;
  for (int i = 0; i < count; ++i) {
    streams.push_back(std::make_unique<PlayedStream>(model, kCase, kMessageSteps,
                                                     static_cast<std::uint64_t>(i + 1)));
    jobs.emplace_back([played = streams.back().get()] { played->Play(); });
  }
  engine::Workers workers(threads);
  for (auto _ : state) workers.Run(jobs);
  for (const std::unique_ptr<PlayedStream>& played : streams) {
    if (!played->Sound()) state.SkipWithError("a stream diverged");
  }
  const double steps = static_cast<double>(count) * static_cast<double>(kMessageSteps);
  state.counters["steps_per_s"] =
      benchmark::Counter(steps, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["steps"] = steps;
}

void RegisterAll() {
  for (const int count : {1, 64, 1000}) {
    for (const int threads : {1, 2}) {
      if (count == 1 && threads > 1) continue;
      const std::string name = "streams/" + std::to_string(count) + "/" + std::to_string(threads);
      benchmark::RegisterBenchmark(name.c_str(), Streams, count, threads)
          ->MeasureProcessCPUTime()
          ->UseRealTime();
    }
  }
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  millrace::bench::RegisterAll();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
