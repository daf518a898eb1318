// What launches ask of a card, worked out without one.
#ifndef MILLRACE_TESTS_BENCH_GPU_PLANS_H_
#define MILLRACE_TESTS_BENCH_GPU_PLANS_H_

#include <string>

namespace millrace::bench {

// One JSON object a model and card, by commas: shared memory of a block, the tile of a sweep, bytes
// of a slot, and blocks that a multiprocessor holds at a time by shared memory and by registers.
std::string DescribePlans();

}  // namespace millrace::bench

#endif  // MILLRACE_TESTS_BENCH_GPU_PLANS_H_
