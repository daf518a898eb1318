// What a device can do at best: bytes copied a second and multiply-adds a second in float. Times of
// steps are held against these.
//
// Not thread-safe: a measurement has the device to itself. Takes about a second.
#ifndef MILLRACE_TESTS_BENCH_GPU_FLOORS_H_
#define MILLRACE_TESTS_BENCH_GPU_FLOORS_H_

#include <string>

namespace millrace::bench {

struct Floors {
  std::string device;
  double copy_bytes_per_s = 0;  // bytes read and bytes written
  double operations_per_s = 0;  // two a multiply-add, float
};

// Of CUDA device 0. False, with a sentence in `device`, where there is none or CUDA was not built.
bool MeasureCudaFloors(Floors* floors);
// Of one core of this machine, so that the benchmark's paths run without a card.
Floors MeasureHostFloors();

}  // namespace millrace::bench

#endif  // MILLRACE_TESTS_BENCH_GPU_FLOORS_H_
