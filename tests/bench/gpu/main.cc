// What a card takes for the engine's steps. Prints one JSON object.
//
//   gpu_bench [--threads N] [--seconds S] MEASUREMENT...
//
// Measurements: sweeps (many streams as a fraction of the card's floors), cadence (10 000 streams
// every 20 ms, for --seconds, default 60), largest (full recurrent learning of 1024 units), plans
// (what launches ask of a card, worked out: alone it needs no card). Floors are measured for all
// the others. --threads: workers of the engine, default one less than cores.
// --tiny: on the host, in sizes for a test; its times mean nothing.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/device/devices.h"
#include "kernels/cuda/backend.h"
#include "kernels/testing/host_backend.h"
#include "tests/bench/gpu/cadence.h"
#include "tests/bench/gpu/floors.h"
#include "tests/bench/gpu/plans.h"
#include "tests/bench/gpu/population.h"
#include "tests/bench/gpu/sweeps.h"
#include "tests/bench/gpu/timed_backend.h"

namespace millrace::bench {
namespace {

struct Arguments {
  int threads = 0;
  double seconds = 60;
  bool tiny = false;
  std::vector<std::string> measurements;
};

Arguments Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--tiny") {
      arguments.tiny = true;
    } else if (word == "--threads" && i + 1 < argc) {
      arguments.threads = std::atoi(argv[++i]);
    } else if (word == "--seconds" && i + 1 < argc) {
      arguments.seconds = std::atof(argv[++i]);
    } else if (word == "sweeps" || word == "cadence" || word == "largest" || word == "plans") {
      arguments.measurements.push_back(word);
    } else {
      Die(absl::StrCat("got '", word,
                       "'; expected [--threads N] [--seconds S] [--tiny] and any of "
                       "sweeps, cadence, largest, plans"));
    }
  }
  return arguments;
}

std::unique_ptr<kernels::device::Backend> OpenDevice(bool tiny) {
  if (tiny) return std::make_unique<kernels::testing::HostBackend>();
  std::unique_ptr<kernels::device::Backend> device;
  const kernels::device::Outcome outcome = kernels::cuda::OpenBackend(0, &device);
  if (!outcome.ok()) Die(outcome.sentence);
  return device;
}

Floors FloorsOf(bool tiny) {
  if (tiny) return MeasureHostFloors();
  Floors floors;
  if (!MeasureCudaFloors(&floors)) Die(floors.device);
  return floors;
}

std::string Measure(const std::string& measurement, const Bench& bench, double seconds) {
  if (measurement == "sweeps") return absl::StrCat("[\n    ", MeasureSweeps(bench), "]");
  if (measurement == "plans") return absl::StrCat("[\n    ", DescribePlans(), "]");
  if (measurement == "cadence") return MeasureCadence(bench, seconds);
  return MeasureLargest(bench);
}

void Run(const Arguments& arguments) {
  if (arguments.measurements == std::vector<std::string>{"plans"}) {
    std::printf("{\"plans\": [\n    %s]}\n", DescribePlans().c_str());
    return;
  }
  const Floors floors = FloorsOf(arguments.tiny);
  auto timed = std::make_unique<TimedBackend>(OpenDevice(arguments.tiny));
  TimedBackend* const device = timed.get();
  engine::UseDevice(std::make_shared<engine::DeviceMemory>(std::move(timed), 0));
  engine::Workers workers(arguments.threads);
  std::printf(
      "{\"device\": \"%s\", \"path\": \"%s\", \"processors\": %d,\n"
      " \"copy_bytes_per_s\": %.6g, \"operations_per_s\": %.6g",
      floors.device.c_str(), device->path().c_str(), device->processors(), floors.copy_bytes_per_s,
      floors.operations_per_s);
  const Bench bench{floors, device, &workers, arguments.tiny};
  for (const std::string& measurement : arguments.measurements) {
    std::fprintf(stderr, "gpu_bench: %s\n", measurement.c_str());
    std::printf(",\n \"%s\": %s", measurement.c_str(),
                Measure(measurement, bench, arguments.seconds).c_str());
    std::fflush(stdout);
  }
  std::printf("}\n");
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
  millrace::bench::Run(millrace::bench::Parse(argc, argv));
  return 0;
}
