// Exact and truncated learning rules against the cells' own derivatives carried back through the
// whole history, and rules against each other in their limit cases.
#include <gtest/gtest.h>

#include <string>

#include "tests/engine/rule_history.h"

namespace millrace::engine::rule_testing {
namespace {

TEST(RulesTest, FullRecurrentLearningEqualsTheWholeHistoryReversed) {
  for (const PartSpec& cell : AllCells()) {
    SCOPED_TRACE(cell.name);
    const History history(cell, 7);
    ExpectNear(GradientOf(history, PartSpec{"rtrl", {}}), history.Exact(), 1e-10);
  }
}

TEST(RulesTest, FullRecurrentLearningDiffersFromAShorterHistory) {
  for (const PartSpec& cell : RecurrentCells()) {
    SCOPED_TRACE(cell.name);
    const History history(cell, 7);
    const Vector exact = history.Exact(), shorter = history.Exact(6);
    double difference = 0;
    for (std::size_t j = 0; j < exact.size(); ++j) {
      difference = std::max(difference, std::abs(exact[j] - shorter[j]));
    }
    EXPECT_GT(difference, 1e-6 * Largest(exact));
  }
}

TEST(RulesTest, FullRecurrentLearningOfManyUnitsIsSweptInPartsWithoutATrace) {
  const History history(CellOf("vanilla", {{"leak", 0.4}}, 64), 4, 0.2);
  ExpectNear(GradientOf(history, PartSpec{"rtrl", {}}), history.Exact(), 1e-10);
  ExpectNear(GradientOf(history, Sparse("random", 63)), history.Exact(), 1e-12);
}

TEST(RulesTest, ExactRulesSaySo) {
  for (const PartSpec& cell : AllCells()) {
    const History history(cell, 1);
    EXPECT_EQ(Taken(history, {"rtrl", {}}).rule->trait(), RuleTrait::kExact) << cell.name;
  }
}

TEST(RulesTest, SparseLearningThroughEveryConnectionIsFull) {
  for (const PartSpec& cell : RecurrentCells()) {
    SCOPED_TRACE(cell.name);
    const History history(cell, 7);
    const Vector full = history.Exact();
    const std::int64_t c = history.cell().structure()->block_units();
    for (const std::string mask : {"random", "oracle", "anti_oracle", "dynamic"}) {
      SCOPED_TRACE(mask);
      ExpectNear(GradientOf(history, Sparse(mask, c - 1)), full, 1e-12);
    }
    ExpectNear(GradientOf(history, Sparse("block", c)), full, 1e-12);
  }
}

TEST(RulesTest, ARingOfAllNeighboursIsFull) {
  const History history(CellOf("lstm", {}, 7), 7);
  ExpectNear(GradientOf(history, Sparse("ring", 6)), history.Exact(), 1e-12);
}

TEST(RulesTest, SparseLearningThroughNoConnectionIsRflo) {
  for (const PartSpec& cell : UnitLocalCells()) {
    SCOPED_TRACE(cell.name);
    const History history(cell, 7);
    const Vector rflo = GradientOf(history, PartSpec{"rflo", {}});
    for (const std::string mask : {"ring", "random", "oracle", "anti_oracle", "dynamic"}) {
      ExpectNear(GradientOf(history, Sparse(mask, 0, false)), rflo, 1e-12);
    }
    ExpectNear(GradientOf(history, Sparse("block", 1, false)), rflo, 1e-12);
  }
}

TEST(RulesTest, BlocksOfOneUnitAreSnap1) {
  for (const PartSpec& cell : UnitLocalCells()) {
    SCOPED_TRACE(cell.name);
    const History history(cell, 7);
    ExpectNear(GradientOf(history, Sparse("block", 1)), GradientOf(history, PartSpec{"snap1", {}}),
               1e-12);
  }
}

// One step more, taken in and its gradient formed: in one call, or in two. Exactly the same.
void ExpectOneCallIsTwo(const History& history, const PartSpec& rule) {
  Taken two(history, rule), one(history, rule);
  const std::uint64_t number = history.steps().size() + 1;
  const CellStep<double>& step = history.steps().front();
  const Feedback<double> feedback{history.q().data(), nullptr, 1};
  const auto view = [&](const Taken& taken) {
    return RuleView<double>{history.theta().data(), step, nullptr, taken.state.data()};
  };
  Vector of_two(history.theta().size()), of_one(of_two.size());
  two.rule->Advance(history.theta().data(), step, number, two.state.data());
  two.rule->Gradient(feedback, view(two), false, of_two.data());
  one.rule->AdvanceAndGradient({feedback, view(one), number, false}, one.state.data(),
                               of_one.data());
  EXPECT_EQ(of_one, of_two) << rule.name;
  EXPECT_EQ(one.state, two.state) << rule.name;
}

TEST(RulesTest, AStepTakenInWithItsGradientIsTheTwoInTurn) {
  for (const PartSpec& cell : UnitLocalCells()) {
    SCOPED_TRACE(cell.name);
    const History history(cell, 4);
    for (const char* rule : {"rtrl", "snap1", "rflo", "immediate"}) {
      ExpectOneCallIsTwo(history, {rule, {}});
    }
    ExpectOneCallIsTwo(history, {"immediate", {{"decay", 0.9}}});
    ExpectOneCallIsTwo(history, Sparse("ring", 2));
    ExpectOneCallIsTwo(history, Sparse("random", 1, false));
    ExpectOneCallIsTwo(history, Sparse("block", 1));
  }
  for (const PartSpec& cell : AllCells()) ExpectOneCallIsTwo(History(cell, 4), {"rtrl", {}});
}

TEST(RulesTest, ALongWindowOfBackPropagationIsExact) {
  for (const PartSpec& cell : AllCells()) {
    SCOPED_TRACE(cell.name);
    const History history(cell, 7);
    for (const std::int64_t window : {7, 12}) {
      ExpectNear(GradientOf(history, PartSpec{"tbptt", {{"window", window}}}), history.Exact(),
                 1e-12);
    }
  }
}

TEST(RulesTest, AShortWindowOfBackPropagationStopsThere) {
  for (const PartSpec& cell : AllCells()) {
    SCOPED_TRACE(cell.name);
    const History history(cell, 9);
    for (const std::int64_t window : {1, 2, 4}) {
      ExpectNear(GradientOf(history, PartSpec{"tbptt", {{"window", window}}}),
                 history.Exact(static_cast<std::size_t>(window)), 1e-12);
    }
  }
}

TEST(RulesTest, BackPropagationThroughOneStepIsTheImmediateRule) {
  for (const PartSpec& cell : AllCells()) {
    SCOPED_TRACE(cell.name);
    const History history(cell, 5);
    ExpectNear(GradientOf(history, PartSpec{"tbptt", {{"window", std::int64_t{1}}}}),
               GradientOf(history, PartSpec{"immediate", {}}), 1e-12);
  }
}

TEST(RulesTest, BackPropagationStopsAtAReset) {
  const History history(CellOf("lstm"), 7);
  Taken taken(history, {"tbptt", {}});
  std::fill(taken.state.begin(), taken.state.end(), 0.0);
  for (std::size_t t = 4; t < 7; ++t) {
    taken.rule->Advance(history.theta().data(), history.steps()[t], t + 1, taken.state.data());
  }
  ExpectNear(GradientOf(history, taken), history.Exact(3), 1e-12);
}

}  // namespace
}  // namespace millrace::engine::rule_testing
