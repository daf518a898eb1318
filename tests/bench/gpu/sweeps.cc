#include "tests/bench/gpu/sweeps.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/device/devices.h"
#include "tests/bench/gpu/population.h"

namespace millrace::bench {
namespace {

constexpr int kMessages = 3;  // timed, after one that brings the streams to the device

struct SweepCase {
  const char* cell;
  const char* rule;
  std::int64_t units;
  std::int64_t streams_a_processor;
  std::int64_t kept;  // units that a column of the sensitivities comes from; 0: no product
  const char* sensitivities = "full";
};

constexpr SweepCase kCases[] = {
    {"vanilla", "rtrl", 64, 8, 64},
    {"vanilla", "rtrl", 128, 4, 128},
    {"vanilla", "rtrl", 256, 2, 256},
    {"lstm", "rtrl", 64, 4, 128},
    {"vanilla", "rtrl", 64, 8, 64, "tf32x3"},
    {"vanilla", "rtrl", 128, 4, 128, "tf32x3"},
    {"vanilla", "rtrl", 256, 2, 256, "tf32x3"},
    {"lstm", "rtrl", 64, 4, 128, "tf32x3"},
    {"vanilla", "rtrl", 64, 8, 64, "tf32"},
    {"vanilla", "rtrl", 256, 2, 256, "tf32"},
    {"vanilla", "rtrl", 64, 8, 64, "bf16"},
    {"vanilla", "rtrl", 256, 2, 256, "bf16"},
    {"vanilla", "ring4", 256, 2, 5, "bf16"},
    {"vanilla", "block4", 256, 8, 4, "bf16"},
    {"vanilla", "ring4", 64, 8, 5},
    {"vanilla", "ring4", 128, 4, 5},
    {"vanilla", "ring4", 256, 2, 5},
    {"vanilla", "block4", 256, 8, 4},
    {"vanilla", "snap1", 64, 16, 0},
    {"vanilla", "snap1", 256, 8, 0},
    {"vanilla", "immediate", 64, 16, 0},
    {"vanilla", "immediate", 256, 8, 0},
    {"lru", "rtrl", 256, 8, 0},
};

double Since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Seconds of one step of one stream at best: bytes against the copy's bandwidth, multiply-adds
// against the peak; the larger binds.
double FloorOf(const Population& population, std::int64_t kept, const Floors& floors,
               std::string* binding) {
  const double memory_s =
      2.0 * static_cast<double>(population.touched_bytes()) / floors.copy_bytes_per_s;
  const double peak_s =
      2.0 * static_cast<double>(kept * population.sensitivity_numbers()) / floors.operations_per_s;
  *binding = peak_s > memory_s ? "peak" : "bandwidth";
  return std::max(memory_s, peak_s);
}

std::string Measure(const PopulationShape& shape, std::int64_t kept, const Bench& bench) {
  Population population(shape, bench.workers);
  bool played = population.Play();
  bench.device->Restart();
  const auto begin = std::chrono::steady_clock::now();
  for (int message = 0; message < kMessages; ++message) played = population.Play() && played;
  const double steps = static_cast<double>(kMessages * shape.steps * shape.streams);
  const double engine_s = Since(begin) / steps;
  const double device_s = bench.device->seconds() / steps;
  std::string binding;
  const double floor_s = FloorOf(population, kept, bench.floors, &binding);
  return absl::StrFormat(
      "{\"cell\": \"%s\", \"rule\": \"%s\", \"sensitivities\": \"%s\", \"units\": %d, "
      "\"streams\": %d, \"steps\": %d, "
      "\"device_step_us\": %.6g, \"engine_step_us\": %.6g, \"floor_step_us\": %.6g, "
      "\"binding\": \"%s\", \"fraction_of_floor\": %.4g, \"launches\": %d, "
      "\"device_bytes\": %d, \"host_bytes_a_stream\": %d, \"sound\": %s}",
      shape.cell, shape.rule, shape.sensitivities, shape.units, shape.streams, shape.steps,
      1e6 * device_s, 1e6 * engine_s, 1e6 * floor_s, binding, floor_s / device_s,
      bench.device->launches(), engine::DeviceUsage().slot_bytes, population.host_bytes(),
      played && population.Sound() ? "true" : "false");
}

}  // namespace

std::string MeasureSweeps(const Bench& bench) {
  std::string text;
  for (const SweepCase& sweep : kCases) {
    PopulationShape shape{.cell = sweep.cell,
                          .rule = sweep.rule,
                          .sensitivities = sweep.sensitivities,
                          .units = sweep.units,
                          .inputs = 40,
                          .outputs = 4,
                          .streams = sweep.streams_a_processor * bench.device->processors(),
                          .steps = 32};
    if (bench.tiny) {
      // Matrix units take more than eight.
      shape.units = sweep.sensitivities == std::string("full") ? 8 : 12;
      shape.inputs = 3;
      shape.streams = 3;
      shape.steps = 2;
    }
    absl::StrAppend(&text, text.empty() ? "" : ",\n    ", Measure(shape, sweep.kept, bench));
  }
  return text;
}

std::string MeasureLargest(const Bench& bench) {
  const PopulationShape shape{.cell = "vanilla",
                              .rule = "rtrl",
                              .units = bench.tiny ? 24 : 1024,
                              .inputs = bench.tiny ? 3 : 40,
                              .outputs = 4,
                              .streams = 1,
                              .steps = bench.tiny ? 1 : 8};
  return Measure(shape, shape.units, bench);
}

}  // namespace millrace::bench
