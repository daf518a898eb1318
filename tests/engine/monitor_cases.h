// What the monitor's tests share: a monitor with settings, one unit of one step, and weighted means
// from their definition.
#ifndef MILLRACE_TESTS_ENGINE_MONITOR_CASES_H_
#define MILLRACE_TESTS_ENGINE_MONITOR_CASES_H_

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "engine/monitor.h"
#include "tests/support/numbers.h"

namespace millrace::engine::monitor_cases {

inline PartSpec Standard(const Settings& settings = {}) {
  const absl::StatusOr<PartSpec> part = ResolvePart("monitor", {"standard", settings}, "");
  EXPECT_TRUE(part.ok()) << part.status();
  return *part;
}

inline Monitor Make(const Settings& settings = {}, std::int64_t outputs = 2,
                    bool classification = false) {
  return Monitor(Standard(settings), outputs, classification);
}

inline void Unit(Monitor& monitor, std::uint64_t seq, double live,
                 std::optional<double> shadow = {}) {
  monitor.BeginUnit();
  ScoredStep step{.seq = seq, .live_loss = live, .shadow_loss = shadow};
  step.served_shadow = monitor.serving_shadow();
  monitor.Score(step);
  monitor.EndUnit(seq);
}

inline StreamStats Stats(const Monitor& monitor) {
  StreamStats stats;
  monitor.Fill(&stats);
  return stats;
}

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Mean, variance of the mean of all values, from the definition.
struct Weighted {
  double mean = 0, mean_variance = 0;
};

inline Weighted Weigh(const std::vector<double>& values, double half_life) {
  double weight = 0, squares = 0, sum = 0, deviations = 0;
  const auto weight_of = [&](std::size_t i) {
    return std::exp2(-static_cast<double>(values.size() - 1 - i) / half_life);
  };
  for (std::size_t i = 0; i < values.size(); ++i) {
    weight += weight_of(i);
    squares += weight_of(i) * weight_of(i);
    sum += weight_of(i) * values[i];
  }
  const double mean = sum / weight;
  for (std::size_t i = 0; i < values.size(); ++i) {
    deviations += weight_of(i) * (values[i] - mean) * (values[i] - mean);
  }
  return {mean, deviations / weight / (weight * weight / squares - 1)};
}

}  // namespace millrace::engine::monitor_cases

#endif  // MILLRACE_TESTS_ENGINE_MONITOR_CASES_H_
