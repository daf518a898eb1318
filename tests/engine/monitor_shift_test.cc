#include "engine/monitor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/engine/monitor_cases.h"

namespace millrace::engine {
namespace {

using monitor_cases::Make;
using monitor_cases::Standard;
using monitor_cases::Stats;
using monitor_cases::Unit;
using monitor_cases::Weigh;
using monitor_cases::Weighted;
using testing_support::Numbers;

// A loss of 1 that jumps to 5 and comes back: the shadow stays at the jump.
struct Shock {
  std::vector<double> live, shadow;
  std::vector<StreamStats> stats;  // after each unit
};

Shock PlayShock(const Settings& settings, int recovery_units = 60) {
  Shock shock;
  Monitor monitor = Make(settings);
  monitor.TookShadow(1);
  Numbers numbers(7);
  for (int t = 0; t < 700; ++t) {
    const double noise = 0.1 * (numbers.Uniform() + numbers.Uniform() - 1);
    const double level = t < 300 ? 1 : 1 + 4 * std::exp(-(t - 300) / (recovery_units / 3.0));
    shock.live.push_back(level + noise);
    shock.shadow.push_back((t < 300 ? 1.0 : 5.0) + noise);
    Unit(monitor, static_cast<std::uint64_t>(t + 1), shock.live.back(), shock.shadow.back());
    shock.stats.push_back(Stats(monitor));
  }
  return shock;
}

const Settings kQuick = {{"half_life", std::int64_t{20}}};

TEST(MonitorShiftTest, AShiftIsMarkedDatedAndRecoveredFrom) {
  const Shock shock = PlayShock(kQuick);
  const StreamStats& last = shock.stats.back();
  ASSERT_EQ(last.marks.size(), 1u);
  const ShiftMark& mark = last.marks[0];
  EXPECT_EQ(mark.cause, ShiftMark::Cause::kLoss);
  EXPECT_GE(mark.seq, 295u);
  EXPECT_LE(mark.seq, 300u);
  EXPECT_GT(mark.detected_seq, 300u);
  EXPECT_LE(mark.detected_seq, 310u);
  EXPECT_FALSE(mark.censored);

  // The reference: the 50 units strictly before the date.
  const std::size_t date = mark.seq - 1, detected = mark.detected_seq - 1;
  double reference = 0;
  for (std::size_t i = date - 50; i < date; ++i) reference += shock.live[i] / 50;
  EXPECT_NEAR(*last.reference_loss, reference, 1e-12);
  EXPECT_FALSE(shock.stats[detected - 1].reference_loss.has_value());

  // Time to recover: first unit of the stay of 20 units at or below reference + 10 % of the shock.
  double level = 0;
  for (std::size_t i = date + 1; i <= detected; ++i) {
    level += shock.live[i] / static_cast<double>(detected - date);
  }
  const double recovered_at = reference + 0.1 * (level - reference);
  std::size_t stay = 0, unit = detected;
  for (; unit < shock.live.size() && stay < 20; ++unit) {
    const std::vector<double> past(shock.live.begin(),
                                   shock.live.begin() + static_cast<std::ptrdiff_t>(unit) + 1);
    stay = Weigh(past, 20).mean <= recovered_at ? stay + 1 : 0;
  }
  ASSERT_EQ(stay, 20u);
  ASSERT_TRUE(mark.units_to_recover.has_value());
  EXPECT_EQ(*mark.units_to_recover, unit - 20 - date);
  EXPECT_FALSE(shock.stats[unit - 2].marks[0].units_to_recover.has_value());
  EXPECT_TRUE(shock.stats[unit - 1].marks[0].units_to_recover.has_value());
}

TEST(MonitorShiftTest, RecoveryIsGainOverDamageWhereTheDamageIsCertain) {
  const Shock shock = PlayShock(kQuick);
  const std::size_t date = shock.stats.back().marks.at(0).seq - 1;
  const std::size_t detected = shock.stats.back().marks.at(0).detected_seq - 1;
  const std::vector<double> before(shock.live.begin() + static_cast<std::ptrdiff_t>(date) - 50,
                                   shock.live.begin() + static_cast<std::ptrdiff_t>(date));
  const Weighted reference = Weigh(before, 1e15);
  std::size_t absent = 0;
  for (std::size_t t = 0; t < shock.live.size(); ++t) {
    const StreamStats& stats = shock.stats[t];
    if (t < detected) {
      ASSERT_FALSE(stats.recovery.has_value()) << t;
      continue;
    }
    std::vector<double> shadow, gain;
    for (std::size_t i = 0; i <= t; ++i) {
      shadow.push_back(shock.shadow[i]);
      gain.push_back(shock.shadow[i] - shock.live[i]);
    }
    const Weighted average = Weigh(shadow, 20);
    const double denominator = average.mean - reference.mean;
    const double error = std::sqrt(average.mean_variance + reference.mean_variance);
    ASSERT_EQ(stats.recovery.has_value(), denominator > 2 * error) << t;
    absent += stats.recovery.has_value() ? 0 : 1;
    if (stats.recovery.has_value()) {
      ASSERT_NEAR(*stats.recovery, Weigh(gain, 20).mean / denominator, 1e-6) << t;
    }
  }
  EXPECT_NEAR(*shock.stats.back().recovery, 1.0, 0.05);
  EXPECT_LT(absent, 30u);
}

TEST(MonitorShiftTest, RecoveryIsAbsentWhereTheDamageIsWithinItsError) {
  Monitor monitor = Make({{"half_life", std::int64_t{20}}, {"reference_loss", 1.0}});
  monitor.TookShadow(1);
  Unit(monitor, 1, 1, 1.2);
  EXPECT_FALSE(Stats(monitor).recovery.has_value());  // one unit has no error to speak of
  // 0.37 above the reference, with a standard error of 0.25.
  for (std::uint64_t t = 2; t < 200; ++t) Unit(monitor, t, 1, t % 2 == 0 ? 3.27 : -0.53);
  EXPECT_TRUE(Stats(monitor).gain.has_value());
  EXPECT_FALSE(Stats(monitor).recovery.has_value());
  for (std::uint64_t t = 200; t < 400; ++t) Unit(monitor, t, 1, t % 2 == 0 ? 2.1 : 1.9);
  ASSERT_TRUE(Stats(monitor).recovery.has_value());
  EXPECT_NEAR(*Stats(monitor).recovery, 1.0, 0.01);
}

TEST(MonitorShiftTest, TheClientsOwnReferenceStandsInForTheMeasuredOne) {
  Settings settings = kQuick;
  settings["reference_loss"] = 0.5;
  const Shock shock = PlayShock(settings);
  EXPECT_EQ(shock.stats.front().reference_loss, 0.5);
  EXPECT_EQ(shock.stats.back().reference_loss, 0.5);
  Monitor monitor = Make(kQuick);
  monitor.Change(Standard({{"half_life", std::int64_t{20}}, {"reference_loss", 0.25}}));
  EXPECT_EQ(Stats(monitor).reference_loss, 0.25);
}

TEST(MonitorShiftTest, TheNextLossMarkCensorsTheOneBefore) {
  Monitor monitor = Make(kQuick);
  for (int t = 0; t < 600; ++t) {
    const double level = t < 200 ? 1 : t < 400 ? 5 : 20;
    Unit(monitor, static_cast<std::uint64_t>(t + 1), level + 0.1 * (t % 3));
  }
  const StreamStats stats = Stats(monitor);
  ASSERT_EQ(stats.marks.size(), 2u);
  EXPECT_TRUE(stats.marks[0].censored);
  EXPECT_FALSE(stats.marks[0].units_to_recover.has_value());
  EXPECT_FALSE(stats.marks[1].censored);
  EXPECT_NEAR(*stats.reference_loss, 5.1, 0.02);
}

TEST(MonitorShiftTest, TheLatest32MarksAreKeptAndAllAreCounted) {
  Monitor monitor = Make({{"half_life", std::int64_t{20}}, {"shift_warmup", std::int64_t{5}}});
  std::uint64_t seq = 0;
  for (int shift = 0; shift < 40; ++shift) {
    for (int t = 0; t < 30; ++t) Unit(monitor, ++seq, std::pow(1.5, shift) * (1 + 0.01 * (t % 3)));
  }
  const StreamStats stats = Stats(monitor);
  ASSERT_EQ(stats.marks.size(), 32u);
  EXPECT_GT(stats.shifts, 32u);
  for (std::size_t i = 1; i < 32; ++i) EXPECT_LT(stats.marks[i - 1].seq, stats.marks[i].seq);
  EXPECT_GT(stats.marks.back().seq, seq - 60);
}

TEST(MonitorShiftTest, AMarkRaisedLongAfterItsDateTakesTheOldestUnitsHeld) {
  // A rise so slow that the detector needs more than 512 units.
  Monitor monitor =
      Make({{"half_life", std::int64_t{100000}}, {"shift_delta", 0.0}, {"shift_threshold", 300.0}});
  std::vector<double> live;
  std::uint64_t seq = 0;
  while (Stats(monitor).marks.empty() && seq < 5000) {
    const double noise = seq % 2 == 0 ? 1 : -1;
    live.push_back(10 + noise + (seq < 1000 ? 0 : 0.4));
    Unit(monitor, ++seq, live.back());
  }
  const StreamStats stats = Stats(monitor);
  ASSERT_EQ(stats.marks.size(), 1u);
  ASSERT_GT(stats.marks[0].detected_seq - stats.marks[0].seq, 562u);
  double expected = 0;
  for (std::size_t i = live.size() - 562; i < live.size() - 512; ++i) expected += live[i] / 50;
  EXPECT_NEAR(*stats.reference_loss, expected, 1e-12);
}

}  // namespace
}  // namespace millrace::engine
