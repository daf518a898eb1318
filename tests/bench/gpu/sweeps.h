// Steps of many streams as a fraction of what the card can do at best.
#ifndef MILLRACE_TESTS_BENCH_GPU_SWEEPS_H_
#define MILLRACE_TESTS_BENCH_GPU_SWEEPS_H_

#include <string>

#include "engine/workers.h"
#include "tests/bench/gpu/floors.h"
#include "tests/bench/gpu/timed_backend.h"

namespace millrace::bench {

// What a measurement runs on.
struct Bench {
  Floors floors;
  TimedBackend* device = nullptr;
  engine::Workers* workers = nullptr;
  bool tiny = false;  // small enough for a test on the host
};

// One JSON object a case, by commas: full, ring, SnAp-1, immediate and diagonal exact learning over
// many streams, times of launches alone and with all that the engine does around them.
std::string MeasureSweeps(const Bench& bench);

// Full recurrent learning of 1024 units, one stream.
std::string MeasureLargest(const Bench& bench);

}  // namespace millrace::bench

#endif  // MILLRACE_TESTS_BENCH_GPU_SWEEPS_H_
