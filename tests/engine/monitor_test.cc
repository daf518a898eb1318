#include "engine/monitor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/engine/monitor_cases.h"

namespace millrace::engine {
namespace {

using monitor_cases::kNan;
using monitor_cases::Make;
using monitor_cases::Stats;
using monitor_cases::Unit;
using monitor_cases::Weigh;
using testing_support::Numbers;

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
    ASSERT_NEAR(*stats.live_loss, Weigh(live, 20).mean, 1e-12);
    ASSERT_NEAR(*stats.mean_loss, total / static_cast<double>(t), 1e-12);
    ASSERT_EQ(stats.scored_units, t);
    ASSERT_EQ(stats.shadow_loss.has_value(), t > 100);
    if (t <= 100) continue;
    ASSERT_NEAR(*stats.shadow_loss, Weigh(shadow, 20).mean, 1e-12);
    ASSERT_NEAR(*stats.gain, Weigh(gain, 20).mean, 1e-12);
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
    ASSERT_NEAR(monitor.residual_sd()[0], std::sqrt(Weigh(first, 10).mean), 1e-12);
    ASSERT_NEAR(monitor.residual_sd()[1], 3.0, 1e-12);
  }
  EXPECT_NEAR(*Stats(monitor).coverage, covered / bounded, 1e-12);
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

Settings Guarded(std::int64_t units) {
  return {{"serve", std::string("guarded")}, {"guard_margin", 0.5}, {"guard_units", units}};
}

TEST(MonitorTest, GuardedGoesOverToTheShadowAndReturnsOnlyOnRequest) {
  Monitor monitor = Make(Guarded(10));
  monitor.TookShadow(1);
  std::uint64_t seq = 0;
  for (int t = 0; t < 50; ++t) Unit(monitor, ++seq, 1.4, 1);  // within the margin
  EXPECT_FALSE(monitor.guard_tripped());
  for (int t = 0; t < 9; ++t) Unit(monitor, ++seq, 3, 1);
  EXPECT_FALSE(monitor.serving_shadow());  // a block is judged at its end
  Unit(monitor, ++seq, 3, 1);
  EXPECT_TRUE(monitor.guard_tripped());
  EXPECT_TRUE(monitor.serving_shadow());
  EXPECT_TRUE(Stats(monitor).serving_shadow);
  EXPECT_TRUE(Stats(monitor).guarded && Stats(monitor).guard_tripped);
  for (int t = 0; t < 100; ++t) Unit(monitor, ++seq, 0.1, 1);
  EXPECT_TRUE(monitor.serving_shadow());
  monitor.Unguard();
  EXPECT_FALSE(monitor.guard_tripped());
  EXPECT_FALSE(monitor.serving_shadow());
  for (int t = 0; t < 10; ++t) Unit(monitor, ++seq, 3, 1);
  EXPECT_TRUE(monitor.serving_shadow());
}

TEST(MonitorTest, TheGuardGoesOverWithinTwoBlocksWhateverWasBefore) {
  constexpr std::int64_t kUnits = 7;
  for (std::uint64_t good = 0; good < 3 * kUnits; ++good) {
    Monitor monitor = Make(Guarded(kUnits));
    monitor.TookShadow(1);
    std::uint64_t seq = 0;
    // Live far better than the shadow: an average with memory would live on it for long.
    while (seq < good) Unit(monitor, ++seq, 0.01, 100);
    while (!monitor.guard_tripped()) {
      ASSERT_LT(seq, good + 2 * kUnits - 1);
      Unit(monitor, ++seq, 1.6, 1);
    }
  }
}

TEST(MonitorTest, WhatAGuardedStreamServesIsWithinTheMarginInEveryBlockButTheLast) {
  Monitor monitor = Make(Guarded(5));
  monitor.TookShadow(1);
  Numbers numbers(11);
  for (std::uint64_t block = 0; !monitor.guard_tripped(); ++block) {
    ASSERT_LT(block, 1000u);
    double live = 0, shadow = 0;
    for (std::uint64_t t = 1; t <= 5; ++t) {
      const double ours = 3 * numbers.Uniform(), theirs = 2 * numbers.Uniform();
      Unit(monitor, 5 * block + t, ours, theirs);
      live += ours;
      shadow += theirs;
    }
    EXPECT_EQ(monitor.guard_tripped(), live - shadow > 0.5 * shadow) << block;
  }
}

TEST(MonitorTest, TheGuardWorksForLossesBelowZero) {
  Monitor monitor = Make(Guarded(3));
  monitor.TookShadow(1);
  std::uint64_t seq = 0;
  for (int t = 0; t < 9; ++t) Unit(monitor, ++seq, -1.6, -2);  // within half of 2
  EXPECT_FALSE(monitor.guard_tripped());
  for (int t = 0; t < 3; ++t) Unit(monitor, ++seq, -0.9, -2);
  EXPECT_TRUE(monitor.guard_tripped());
}

TEST(MonitorTest, WhatIsServedCanBeChangedAndOtherChangesLeaveTheGuardAlone) {
  const auto resolved = [](const Settings& settings) {
    return ResolvePart("monitor", {"standard", settings}, "standard").value();
  };
  Monitor monitor = Make();
  monitor.TookShadow(1);
  monitor.Change(resolved({{"serve", std::string("shadow")}}));
  EXPECT_TRUE(monitor.serving_shadow());
  monitor.Change(resolved(Guarded(4)));
  EXPECT_FALSE(monitor.serving_shadow());
  std::uint64_t seq = 0;
  for (int t = 0; t < 3; ++t) Unit(monitor, ++seq, 3, 1);
  Settings with_reference = Guarded(4);
  with_reference["reference_loss"] = 0.5;
  monitor.Change(resolved(with_reference));
  Unit(monitor, ++seq, 3, 1);
  EXPECT_TRUE(monitor.guard_tripped());
  monitor.Change(resolved({{"serve", std::string("live")}}));
  EXPECT_FALSE(monitor.guard_tripped());
  EXPECT_FALSE(monitor.serving_shadow());
  monitor.Change(resolved(Guarded(4)));
  EXPECT_FALSE(monitor.serving_shadow());
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
    const double shock = t > 250 && t <= 340 ? 3 : t > 700 ? 9 : 0;
    const double live = numbers.Uniform() + shock;
    const double novelty = numbers.Uniform();
    const auto play = [&](Monitor& monitor) {
      monitor.Step(t, novelty, 0.1 * novelty);
      if (t == 300) monitor.MarkClosedLoop();
      if (monitor.ShadowDue()) monitor.TookShadow(t);
      monitor.BeginUnit();
      ScoredStep step{.seq = t, .live_loss = live, .residual = residual};
      if (monitor.has_shadow()) step.shadow_loss = live + (t > 600 ? -0.3 : 0.1);
      step.served_shadow = monitor.serving_shadow();
      monitor.Score(step);
      monitor.EndUnit(t);
    };
    play(one);
    // Within a block of novelty, and within the stay that ends a time to recover.
    if (t < 413) continue;
    if (t == 413) {
      ASSERT_FALSE(Stats(one).marks.back().units_to_recover.has_value());
      const Snapshot snapshot = save(one);
      LoadVisitor load(snapshot);
      other.Visit(load);
      ASSERT_TRUE(load.Finish().ok()) << load.Finish();
    } else {
      play(other);
    }
    ASSERT_EQ(EncodeSnapshot(save(one)), EncodeSnapshot(save(other))) << t;
  }
  ASSERT_GE(Stats(other).marks.size(), 2u);
  EXPECT_TRUE(Stats(other).marks[0].units_to_recover.has_value());
  EXPECT_TRUE(Stats(other).open_loop_estimate);
}

}  // namespace
}  // namespace millrace::engine
