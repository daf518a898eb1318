#include "tests/bench/gpu/cadence.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "engine/device/devices.h"
#include "tests/bench/gpu/population.h"

namespace millrace::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::nanoseconds kCadence = std::chrono::milliseconds(20);
constexpr int kWarmMessages = 5;

double Quantile(const std::vector<double>& sorted, double q) {
  return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

// Milliseconds from the moment each message was due to the last stream's result.
std::vector<double> OpenLoop(Population* population, std::int64_t messages) {
  std::vector<double> times_ms;
  const Clock::time_point start = Clock::now() + kCadence;
  for (std::int64_t i = 0; i < messages; ++i) {
    const Clock::time_point due = start + i * kCadence;
    std::this_thread::sleep_until(due);
    if (!population->Play()) Die("a step was refused");
    times_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - due).count());
  }
  return times_ms;
}

}  // namespace

std::string MeasureCadence(const Bench& bench, double seconds) {
  const PopulationShape shape{.cell = "vanilla",
                              .rule = "immediate",
                              .units = bench.tiny ? 8 : 256,
                              .inputs = bench.tiny ? 3 : 192,
                              .outputs = 4,
                              .streams = bench.tiny ? 4 : 10000,
                              .steps = 1};
  Population population(shape, bench.workers);
  for (int i = 0; i < kWarmMessages; ++i) {
    if (!population.Play()) Die("a step was refused");
  }
  bench.device->Restart();
  const auto messages = static_cast<std::int64_t>(seconds * 1e9 / kCadence.count());
  std::vector<double> times_ms = OpenLoop(&population, std::max<std::int64_t>(messages, 1));
  const double deadline_ms = std::chrono::duration<double, std::milli>(kCadence).count();
  const auto missed = std::count_if(times_ms.begin(), times_ms.end(),
                                    [&](double time_ms) { return time_ms > deadline_ms; });
  std::sort(times_ms.begin(), times_ms.end());
  return absl::StrFormat(
      "{\"streams\": %d, \"units\": %d, \"inputs\": %d, \"messages\": %d, \"missed\": %d, "
      "\"p50_ms\": %.4g, \"p99_ms\": %.4g, \"max_ms\": %.4g, \"device_ms\": %.4g, "
      "\"launches\": %d, \"device_bytes\": %d, \"sound\": %s}",
      shape.streams, shape.units, shape.inputs, times_ms.size(), missed, Quantile(times_ms, 0.5),
      Quantile(times_ms, 0.99), times_ms.back(),
      1e3 * bench.device->seconds() / static_cast<double>(times_ms.size()),
      bench.device->launches(), engine::DeviceUsage().slot_bytes,
      population.Sound() ? "true" : "false");
}

}  // namespace millrace::bench
