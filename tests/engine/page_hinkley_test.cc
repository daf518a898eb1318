#include "engine/monitor/page_hinkley.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/support/numbers.h"

namespace millrace::engine {
namespace {

using testing_support::Numbers;

constexpr std::int64_t kWarmup = 50;

PageHinkley::Settings Standard() {
  return {.delta = 0.2, .threshold = 20, .warmup = kWarmup, .decay = DecayOf(100)};
}

double Normal(Numbers& numbers) {
  const double radius = std::sqrt(-2 * std::log(1 - numbers.Uniform()));
  return radius * std::cos(6.283185307179586 * numbers.Uniform());
}

struct Raised {
  std::size_t at, date;
};

// The definition, from the whole history: weighted mean and deviation of all values before, m_t and
// its minimum kept as they are.
std::vector<Raised> BruteForce(const std::vector<double>& values, double delta, double threshold) {
  std::vector<Raised> raised;
  const double decay = std::exp2(-1.0 / 100);
  std::vector<double> taken;
  std::vector<double> sums;  // m_t since the warm-up ended
  std::size_t start = 0;
  for (std::size_t t = 0; t < values.size(); ++t) {
    double entered = values[t];
    if (taken.size() >= static_cast<std::size_t>(kWarmup)) {
      double weight = 0, mean = 0, square = 0;
      for (std::size_t i = 0; i < taken.size(); ++i) {
        const double w = std::pow(decay, static_cast<double>(taken.size() - 1 - i));
        weight += w;
        mean += w * taken[i];
      }
      mean /= weight;
      for (std::size_t i = 0; i < taken.size(); ++i) {
        const double w = std::pow(decay, static_cast<double>(taken.size() - 1 - i));
        square += w * (taken[i] - mean) * (taken[i] - mean);
      }
      const double deviation = std::sqrt(square / weight);
      const double scaled =
          std::fmin(std::fmax((values[t] - mean) / deviation, -threshold / 4), threshold / 4);
      entered = mean + scaled * deviation;
      sums.push_back((sums.empty() ? 0.0 : sums.back()) + scaled - delta);
      double least = 0;  // where the sum starts: the last value of the warm-up
      std::size_t date = start + static_cast<std::size_t>(kWarmup) - 1;
      for (std::size_t i = 0; i < sums.size(); ++i) {
        if (sums[i] > least) continue;
        least = sums[i];
        date = start + static_cast<std::size_t>(kWarmup) + i;
      }
      if (sums.back() - least > threshold) {
        raised.push_back({t, date});
        taken.clear();
        sums.clear();
        start = t + 1;
        continue;
      }
    }
    taken.push_back(entered);
  }
  return raised;
}

TEST(PageHinkleyTest, AlarmsAndDatesAreThoseOfTheDefinition) {
  Numbers numbers(1);
  std::vector<double> values;
  for (int t = 0; t < 1500; ++t) {
    const double level = t < 400 ? 1 : t < 800 ? 3 : t < 1100 ? 0.5 : 0.5 + 0.01 * (t - 1100);
    values.push_back(level + 0.7 * Normal(numbers) + (t == 200 ? 1000.0 : 0.0));
  }
  const std::vector<Raised> expected = BruteForce(values, 0.2, 20);
  ASSERT_GE(expected.size(), 2u);
  PageHinkley detector(Standard());
  std::vector<Raised> raised;
  for (std::size_t t = 0; t < values.size(); ++t) {
    const std::optional<PageHinkley::Alarm> alarm = detector.Add(values[t], 10 * t);
    if (!alarm.has_value()) continue;
    EXPECT_EQ(alarm->seq, 10 * (t - static_cast<std::size_t>(alarm->values_ago)));
    raised.push_back({t, static_cast<std::size_t>(alarm->seq / 10)});
  }
  ASSERT_EQ(raised.size(), expected.size());
  for (std::size_t i = 0; i < raised.size(); ++i) {
    EXPECT_EQ(raised[i].at, expected[i].at);
    EXPECT_EQ(raised[i].date, expected[i].date);
  }
}

TEST(PageHinkleyTest, StationaryNoiseRaisesNextToNoFalseAlarm) {
  Numbers numbers(2);
  PageHinkley normal(Standard()), exponential(Standard());
  int normal_alarms = 0, exponential_alarms = 0;
  for (std::uint64_t t = 0; t < 200000; ++t) {
    if (normal.Add(Normal(numbers), t)) ++normal_alarms;
    if (exponential.Add(-std::log(1 - numbers.Uniform()), t)) ++exponential_alarms;
  }
  EXPECT_LE(normal_alarms, 2);
  EXPECT_LE(exponential_alarms, 10);
}

TEST(PageHinkleyTest, ARiseByOneDeviationIsFoundSoonAndDatedNearItsBeginning) {
  int found = 0;
  double delay = 0, date_error = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Numbers numbers(seed);
    PageHinkley detector(Standard());
    for (std::uint64_t t = 0; t < 600; ++t) {
      const std::optional<PageHinkley::Alarm> alarm =
          detector.Add(Normal(numbers) + (t < 300 ? 0 : 1), t);
      if (!alarm.has_value() || t < 300) continue;
      ++found;
      delay += static_cast<double>(t) - 300;
      date_error += std::fabs(static_cast<double>(alarm->seq) - 300);
      break;
    }
  }
  EXPECT_GE(found, 98);
  EXPECT_LT(delay / found, 40);
  EXPECT_LT(date_error / found, 15);
}

TEST(PageHinkleyTest, OneOutlierIsNoShiftAndDoesNotHideTheNextOne) {
  Numbers numbers(4);
  PageHinkley detector(Standard());
  for (std::uint64_t t = 0; t < 300; ++t) {
    ASSERT_FALSE(detector.Add(Normal(numbers) + (t == 200 ? 1e12 : 0), t)) << t;
  }
  std::uint64_t t = 300;
  while (t < 400 && !detector.Add(Normal(numbers) + 3, t)) ++t;
  EXPECT_LT(t, 320u);
}

TEST(PageHinkleyTest, AFallIsNoShiftAndAConstantSignalIsQuiet) {
  PageHinkley detector(Standard());
  for (std::uint64_t t = 0; t < 1000; ++t) ASSERT_FALSE(detector.Add(t < 500 ? 5 : 1, t)) << t;
  PageHinkley constant(Standard());
  for (std::uint64_t t = 0; t < 1000; ++t) ASSERT_FALSE(constant.Add(0, t)) << t;
}

}  // namespace
}  // namespace millrace::engine
