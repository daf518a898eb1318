// Streams that have a step due at a fixed cadence, whatever the steps before took: open loop.
#ifndef MILLRACE_TESTS_BENCH_GPU_CADENCE_H_
#define MILLRACE_TESTS_BENCH_GPU_CADENCE_H_

#include <string>

#include "tests/bench/gpu/sweeps.h"

namespace millrace::bench {

// Immediate learning of 10 000 streams, n = 256, d = 192, all due at once every 20 ms, through the
// engine for so many seconds. A step that ends later than the next is due has missed its deadline.
std::string MeasureCadence(const Bench& bench, double seconds);

}  // namespace millrace::bench

#endif  // MILLRACE_TESTS_BENCH_GPU_CADENCE_H_
