#include "engine/monitor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/numbers.h"

namespace millrace::engine {
namespace {

using testing_support::Numbers;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

PartSpec Standard(const Settings& settings = {}) {
  const absl::StatusOr<PartSpec> part = ResolvePart("monitor", {"standard", settings}, "");
  EXPECT_TRUE(part.ok()) << part.status();
  return *part;
}

Monitor Make(const Settings& settings = {}, std::int64_t outputs = 2, bool classification = false) {
  return Monitor(Standard(settings), outputs, classification);
}

void Unit(Monitor& monitor, std::uint64_t seq, double live, std::optional<double> shadow = {}) {
  monitor.BeginUnit();
  ScoredStep step{.seq = seq, .live_loss = live, .shadow_loss = shadow};
  step.served_shadow = monitor.serving_shadow();
  monitor.Score(step);
  monitor.EndUnit(seq);
}

StreamStats Stats(const Monitor& monitor) {
  StreamStats stats;
  monitor.Fill(&stats);
  return stats;
}

// Mean, variance of the mean of all values, from the definition.
struct Weighted {
  double mean = 0, mean_variance = 0;
};

Weighted Average(const std::vector<double>& values, double half_life) {
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

TEST(MonitorTest, NothingIsKnownBeforeTheFirstUnit) {
  const StreamStats stats = Stats(Make());
  EXPECT_FALSE(stats.live_loss || stats.shadow_loss || stats.gain || stats.recovery ||
               stats.reference_loss || stats.mean_loss || stats.shadow_seq || stats.accuracy ||
               stats.brier_score || stats.coverage || stats.novelty || stats.disagreement);
  EXPECT_EQ(stats.scored_units, 0u);
  EXPECT_TRUE(stats.marks.empty());
  ASSERT_EQ(stats.residual_sd.size(), 2u);
  EXPECT_TRUE(std::isnan(stats.residual_sd[0]));
}

TEST(MonitorTest, AveragesAndGainAreThoseOfTheDefinition) {
  Monitor monitor = Make({{"half_life", std::int64_t{20}}});
  Numbers numbers(1);
  std::vector<double> live, shadow, gain;
  double total = 0;
  for (std::uint64_t t = 1; t <= 200; ++t) {
    if (t == 101) monitor.TookShadow(100);
    live.push_back(numbers.Uniform());
    total += live.back();
    std::optional<double> shadow_loss;
    if (t > 100) {
      shadow.push_back(live.back() + numbers.Uniform() * 0.1);
      gain.push_back(shadow.back() - live.back());
      shadow_loss = shadow.back();
    }
    Unit(monitor, t, live.back(), shadow_loss);
    const StreamStats stats = Stats(monitor);
    ASSERT_NEAR(*stats.live_loss, Average(live, 20).mean, 1e-12);
    ASSERT_NEAR(*stats.mean_loss, total / static_cast<double>(t), 1e-12);
    ASSERT_EQ(stats.scored_units, t);
    ASSERT_EQ(stats.shadow_loss.has_value(), t > 100);
    if (t <= 100) continue;
    ASSERT_NEAR(*stats.shadow_loss, Average(shadow, 20).mean, 1e-12);
    ASSERT_NEAR(*stats.gain, Average(gain, 20).mean, 1e-12);
    ASSERT_EQ(stats.shadow_seq, 100u);
  }
}

TEST(MonitorTest, AReleaseIsOneUnitOfItsMeanLoss) {
  Monitor blocks = Make(), singles = Make();
  blocks.TookShadow(1);
  singles.TookShadow(1);
  for (std::uint64_t t = 1; t <= 30; ++t) {
    blocks.BeginUnit();
    for (const double loss : {1.0 + static_cast<double>(t), 2.0, 6.0}) {
      blocks.Score({.seq = t, .live_loss = loss, .shadow_loss = loss + 1});
    }
    blocks.EndUnit(t);
    const double mean = (9.0 + static_cast<double>(t)) / 3;
    Unit(singles, t, mean, mean + 1);
  }
  EXPECT_NEAR(*Stats(blocks).live_loss, *Stats(singles).live_loss, 1e-12);
  EXPECT_NEAR(*Stats(blocks).shadow_loss, *Stats(singles).shadow_loss, 1e-12);
  EXPECT_EQ(Stats(blocks).scored_units, 30u);
}

TEST(MonitorTest, AUnitWithoutAFiniteLossChangesNoBit) {
  Monitor monitor = Make();
  Unit(monitor, 1, 0.5);
  const auto encoded = [&monitor] {
    Snapshot snapshot;
    SaveVisitor save(&snapshot);
    monitor.Visit(save);
    return EncodeSnapshot(snapshot);
  };
  const std::string before = encoded();
  monitor.BeginUnit();
  monitor.EndUnit(2);
  Unit(monitor, 3, kNan);
  Unit(monitor, 4, std::numeric_limits<double>::infinity());
  Unit(monitor, 5, 1, kNan);
  EXPECT_EQ(encoded(), before);
}

TEST(MonitorTest, AccuracyIsTheShareOfScoredStepsWhateverTheReleases) {
  Monitor monitor = Make({{"half_life", std::int64_t{1}}}, 4, true);
  const auto release = [&monitor](int correct, int steps) {
    monitor.BeginUnit();
    for (int i = 0; i < steps; ++i) {
      monitor.Score({.live_loss = 1,
                     .shadow_loss = 1,
                     .live_correct = i < correct,
                     .shadow_correct = i == 0,
                     .brier = i < correct ? 0.0 : 2.0});
    }
    monitor.EndUnit(1);
  };
  release(6, 8);
  EXPECT_DOUBLE_EQ(*Stats(monitor).accuracy, 0.75);
  release(2, 2);
  // The first release weighs half: (3 + 2) of (4 + 2).
  EXPECT_DOUBLE_EQ(*Stats(monitor).accuracy, 5.0 / 6);
  EXPECT_DOUBLE_EQ(*Stats(monitor).shadow_accuracy, 1.5 / 6);
  EXPECT_DOUBLE_EQ(*Stats(monitor).brier_score, 2.0 / 6);
  EXPECT_TRUE(Stats(monitor).residual_sd.empty());
  EXPECT_FALSE(Stats(monitor).coverage.has_value());
}

TEST(MonitorTest, ResidualDeviationAndCoverageUseWhatWasKnownBefore) {
  Monitor monitor = Make({{"half_life", std::int64_t{10}}});
  Numbers numbers(3);
  std::vector<double> first;
  double covered = 0, bounded = 0;
  const double decay = std::exp2(-0.1);
  for (std::uint64_t t = 1; t <= 100; ++t) {
    const double residual[2] = {numbers.Between(-1, 1), t % 2 == 0 ? kNan : 3.0};
    double unit_covered = 0, unit_bounded = 0;
    for (int k = 0; k < 2; ++k) {
      const double sd = monitor.residual_sd()[static_cast<std::size_t>(k)];
      if (std::isnan(residual[k]) || std::isnan(sd)) continue;
      unit_bounded += 1;
      unit_covered += std::fabs(residual[k]) <= sd ? 1 : 0;
    }
    covered = decay * covered + unit_covered;
    bounded = decay * bounded + unit_bounded;
    monitor.BeginUnit();
    monitor.Score({.seq = t, .live_loss = 1, .residual = residual});
    monitor.EndUnit(t);
    first.push_back(residual[0] * residual[0]);
    ASSERT_NEAR(monitor.residual_sd()[0], std::sqrt(Average(first, 10).mean), 1e-12);
    ASSERT_NEAR(monitor.residual_sd()[1], 3.0, 1e-12);
  }
  EXPECT_NEAR(*Stats(monitor).coverage, covered / bounded, 1e-12);
}

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

TEST(MonitorTest, AShiftIsMarkedDatedAndRecoveredFrom) {
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
    stay = Average(past, 20).mean <= recovered_at ? stay + 1 : 0;
  }
  ASSERT_EQ(stay, 20u);
  ASSERT_TRUE(mark.units_to_recover.has_value());
  EXPECT_EQ(*mark.units_to_recover, unit - 20 - date);
  EXPECT_FALSE(shock.stats[unit - 2].marks[0].units_to_recover.has_value());
  EXPECT_TRUE(shock.stats[unit - 1].marks[0].units_to_recover.has_value());
}

TEST(MonitorTest, RecoveryIsGainOverDamageWhereTheDamageIsCertain) {
  const Shock shock = PlayShock(kQuick);
  const std::size_t date = shock.stats.back().marks.at(0).seq - 1;
  const std::size_t detected = shock.stats.back().marks.at(0).detected_seq - 1;
  const std::vector<double> before(shock.live.begin() + static_cast<std::ptrdiff_t>(date) - 50,
                                   shock.live.begin() + static_cast<std::ptrdiff_t>(date));
  const Weighted reference = Average(before, 1e15);
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
    const Weighted average = Average(shadow, 20);
    const double denominator = average.mean - reference.mean;
    const double error = std::sqrt(average.mean_variance + reference.mean_variance);
    ASSERT_EQ(stats.recovery.has_value(), denominator > 2 * error) << t;
    absent += stats.recovery.has_value() ? 0 : 1;
    if (stats.recovery.has_value()) {
      ASSERT_NEAR(*stats.recovery, Average(gain, 20).mean / denominator, 1e-6) << t;
    }
  }
  EXPECT_NEAR(*shock.stats.back().recovery, 1.0, 0.05);
  EXPECT_LT(absent, 30u);
}

TEST(MonitorTest, RecoveryIsAbsentWhereTheDamageIsWithinItsError) {
  Monitor monitor = Make({{"half_life", std::int64_t{20}}, {"reference_loss", 1.0}});
  monitor.TookShadow(1);
  Unit(monitor, 1, 1, 1.2);
  EXPECT_FALSE(Stats(monitor).recovery.has_value());  // one unit has no error to speak of
  for (std::uint64_t t = 2; t < 200; ++t) Unit(monitor, t, 1, t % 2 == 0 ? 3.0 : -0.8);
  EXPECT_TRUE(Stats(monitor).gain.has_value());
  EXPECT_FALSE(Stats(monitor).recovery.has_value());
  for (std::uint64_t t = 200; t < 400; ++t) Unit(monitor, t, 1, t % 2 == 0 ? 2.1 : 1.9);
  ASSERT_TRUE(Stats(monitor).recovery.has_value());
  EXPECT_NEAR(*Stats(monitor).recovery, 1.0, 0.01);
}

TEST(MonitorTest, TheClientsOwnReferenceStandsInForTheMeasuredOne) {
  Settings settings = kQuick;
  settings["reference_loss"] = 0.5;
  const Shock shock = PlayShock(settings);
  EXPECT_EQ(shock.stats.front().reference_loss, 0.5);
  EXPECT_EQ(shock.stats.back().reference_loss, 0.5);
  Monitor monitor = Make(kQuick);
  monitor.Change(Standard({{"half_life", std::int64_t{20}}, {"reference_loss", 0.25}}));
  EXPECT_EQ(Stats(monitor).reference_loss, 0.25);
}

TEST(MonitorTest, TheNextLossMarkCensorsTheOneBefore) {
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

TEST(MonitorTest, TheLatest32MarksAreKept) {
  Monitor monitor = Make({{"half_life", std::int64_t{20}}, {"shift_warmup", std::int64_t{5}}});
  std::uint64_t seq = 0;
  for (int shift = 0; shift < 40; ++shift) {
    for (int t = 0; t < 30; ++t) Unit(monitor, ++seq, std::pow(1.5, shift) * (1 + 0.01 * (t % 3)));
  }
  const StreamStats stats = Stats(monitor);
  ASSERT_EQ(stats.marks.size(), 32u);
  for (std::size_t i = 1; i < 32; ++i) EXPECT_LT(stats.marks[i - 1].seq, stats.marks[i].seq);
  EXPECT_GT(stats.marks.back().seq, seq - 60);
}

TEST(MonitorTest, AMarkRaisedLongAfterItsDateTakesTheOldestUnitsHeld) {
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

TEST(MonitorTest, TheShadowIsDueOnceAfterItsScoredSteps) {
  Monitor monitor = Make({{"shadow_after", std::int64_t{3}}});
  monitor.BeginUnit();
  monitor.Score({.seq = 1, .live_loss = 1});
  monitor.Score({.seq = 2, .live_loss = 1});
  monitor.EndUnit(2);
  EXPECT_FALSE(monitor.ShadowDue());
  Unit(monitor, 3, 1);
  EXPECT_TRUE(monitor.ShadowDue());
  monitor.TookShadow(3);
  EXPECT_FALSE(monitor.ShadowDue());
  EXPECT_TRUE(monitor.has_shadow());
  EXPECT_FALSE(Make().ShadowDue());
}

TEST(MonitorTest, ANewShadowStartsItsAveragesAnew) {
  Monitor monitor = Make();
  monitor.TookShadow(1);
  for (std::uint64_t t = 1; t < 50; ++t) Unit(monitor, t, 1, 3);
  monitor.Step(50, 1, 0.5);
  monitor.TookShadow(50);
  EXPECT_FALSE(Stats(monitor).shadow_loss || Stats(monitor).gain || Stats(monitor).disagreement);
  Unit(monitor, 51, 1, 1);
  EXPECT_DOUBLE_EQ(*Stats(monitor).shadow_loss, 1);
  EXPECT_DOUBLE_EQ(*Stats(monitor).gain, 0);
  EXPECT_EQ(Stats(monitor).shadow_seq, 50u);
}

TEST(MonitorTest, ServeShadowSendsItFromTheMomentThereIsOne) {
  Monitor monitor = Make({{"serve", std::string("shadow")}});
  EXPECT_FALSE(monitor.serving_shadow());
  monitor.TookShadow(1);
  EXPECT_TRUE(monitor.serving_shadow());
  EXPECT_FALSE(monitor.guard_tripped());
  Unit(monitor, 2, 1, 3);
  EXPECT_DOUBLE_EQ(*Stats(monitor).mean_loss, 3);  // as served
  EXPECT_DOUBLE_EQ(*Stats(monitor).live_loss, 1);
  EXPECT_DOUBLE_EQ(*Stats(monitor).gain, 2);
}

TEST(MonitorTest, GuardedGoesOverToTheShadowAndReturnsOnlyOnRequest) {
  Monitor monitor = Make({{"serve", std::string("guarded")},
                          {"guard_margin", 0.5},
                          {"guard_units", std::int64_t{10}},
                          {"half_life", std::int64_t{1}}});
  monitor.TookShadow(1);
  std::uint64_t seq = 0;
  for (int t = 0; t < 50; ++t) Unit(monitor, ++seq, 1.4, 1);  // within the margin
  EXPECT_FALSE(monitor.guard_tripped());
  for (int t = 0; t < 9; ++t) Unit(monitor, ++seq, 3, 1);
  Unit(monitor, ++seq, 0, 1);  // one good unit brings the average down and the count to zero
  Unit(monitor, ++seq, 0, 1);
  for (int t = 0; t < 9; ++t) Unit(monitor, ++seq, 3, 1);
  EXPECT_FALSE(monitor.serving_shadow());
  for (int t = 0; t < 2; ++t) Unit(monitor, ++seq, 3, 1);
  EXPECT_TRUE(monitor.guard_tripped());
  EXPECT_TRUE(monitor.serving_shadow());
  EXPECT_TRUE(Stats(monitor).serving_shadow);
  for (int t = 0; t < 100; ++t) Unit(monitor, ++seq, 0.1, 1);
  EXPECT_TRUE(monitor.serving_shadow());
  monitor.Unguard();
  EXPECT_FALSE(monitor.guard_tripped());
  EXPECT_FALSE(monitor.serving_shadow());
  for (int t = 0; t < 10; ++t) Unit(monitor, ++seq, 3, 1);
  EXPECT_TRUE(monitor.serving_shadow());
}

TEST(MonitorTest, NoveltyNeedsNoTargetAndAnInputShiftIsMarked) {
  Monitor monitor = Make();
  Numbers numbers(5);
  std::uint64_t seq = 0;
  for (int t = 0; t < 6000; ++t) monitor.Step(++seq, 0.5 + numbers.Uniform(), std::nullopt);
  EXPECT_TRUE(Stats(monitor).marks.empty());
  EXPECT_NEAR(*Stats(monitor).novelty, 1, 0.15);
  const std::uint64_t shift = seq;
  for (int t = 0; t < 500; ++t) monitor.Step(++seq, 4 + numbers.Uniform(), std::nullopt);
  ASSERT_EQ(Stats(monitor).marks.size(), 1u);
  EXPECT_EQ(Stats(monitor).marks[0].cause, ShiftMark::Cause::kInput);
  EXPECT_GT(Stats(monitor).marks[0].detected_seq, shift);
  EXPECT_LE(Stats(monitor).marks[0].detected_seq, shift + 300);
  EXPECT_FALSE(Stats(monitor).reference_loss.has_value());
}

TEST(MonitorTest, StepsWithoutAnyChannelSayNothingOfNovelty) {
  Monitor monitor = Make();
  monitor.Step(1, 2, std::nullopt);
  for (std::uint64_t t = 2; t < 1000; ++t) monitor.Step(t, 0, std::nullopt);
  EXPECT_DOUBLE_EQ(*Stats(monitor).novelty, 2);
}

TEST(MonitorTest, StateGoesThroughASnapshotBitForBit) {
  const Settings settings = {{"serve", std::string("guarded")},
                             {"half_life", std::int64_t{20}},
                             {"shadow_after", std::int64_t{100}}};
  Monitor one = Make(settings), other = Make(settings);
  Numbers numbers(8);
  const auto save = [](Monitor& monitor) {
    Snapshot snapshot;
    SaveVisitor visitor(&snapshot);
    monitor.Visit(visitor);
    return snapshot;
  };
  for (std::uint64_t t = 1; t <= 900; ++t) {
    const double residual[2] = {numbers.Uniform(), t % 5 == 0 ? kNan : 1.0};
    const double live = numbers.Uniform() + (t > 250 ? 3 : 0) + (t > 700 ? 9 : 0);
    const double novelty = numbers.Uniform();
    const auto play = [&](Monitor& monitor) {
      monitor.Step(t, novelty, 0.1 * novelty);
      if (t == 300) monitor.MarkClosedLoop();
      if (monitor.ShadowDue()) monitor.TookShadow(t);
      monitor.BeginUnit();
      ScoredStep step{.seq = t, .live_loss = live, .residual = residual};
      if (monitor.has_shadow()) step.shadow_loss = live - 0.3;
      step.served_shadow = monitor.serving_shadow();
      monitor.Score(step);
      monitor.EndUnit(t);
    };
    play(one);
    if (t < 400) continue;
    if (t == 400) {
      const Snapshot snapshot = save(one);
      LoadVisitor load(snapshot);
      other.Visit(load);
      ASSERT_TRUE(load.Finish().ok()) << load.Finish();
    } else {
      play(other);
    }
    ASSERT_EQ(EncodeSnapshot(save(one)), EncodeSnapshot(save(other))) << t;
  }
  EXPECT_GE(Stats(other).marks.size(), 2u);
  EXPECT_TRUE(Stats(other).open_loop_estimate);
}

}  // namespace
}  // namespace millrace::engine
