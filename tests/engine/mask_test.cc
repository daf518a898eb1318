// Masks of sparse recurrent learning: which connections stay, by the definition of the rule.
#include "engine/rules/mask.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "tests/engine/rule_history.h"

namespace millrace::engine::rule_testing {
namespace {

// Of a plain network, by the definition: S = (carry + M o R) S + P with M as given.
Vector MaskedGradient(const History& history, const std::vector<std::vector<int>>& kept) {
  const Structure& structure = *history.cell().structure();
  const auto n = static_cast<std::size_t>(structure.n);
  const std::size_t p = history.theta().size();
  Vector s(n * p, 0.0), before;
  for (const CellStep<double>& step : history.steps()) {
    before = s;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t w = 0; w < p; ++w) {
        double sum = step.carry()[i] * before[i * p + w];
        for (const int j : kept[i]) {
          const double weight = history.theta()[static_cast<std::size_t>(j) * n + i];
          sum += step.slope()[i] * weight * before[static_cast<std::size_t>(j) * p + w];
        }
        if (w % n == i) sum += step.slope()[i] * step.fan_in()[w / n];
        s[i * p + w] = sum;
      }
    }
  }
  Vector gradient(p, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t w = 0; w < p; ++w) gradient[w] += history.q()[i] * s[i * p + w];
  }
  return gradient;
}

// The units with the k highest scores in each row, itself left out.
std::vector<std::vector<int>> HighestOf(const std::vector<Vector>& scores, int k) {
  std::vector<std::vector<int>> kept;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    std::vector<int> row;
    for (int picked = 0; picked < k; ++picked) {
      int best = -1;
      for (int j = 0; j < static_cast<int>(scores.size()); ++j) {
        if (j == static_cast<int>(i) || std::find(row.begin(), row.end(), j) != row.end()) continue;
        if (best < 0 ||
            scores[i][static_cast<std::size_t>(j)] > scores[i][static_cast<std::size_t>(best)]) {
          best = j;
        }
      }
      row.push_back(best);
    }
    kept.push_back(row);
  }
  return kept;
}

std::vector<Vector> Weights(const History& history, double sign) {
  const auto n = static_cast<std::size_t>(history.cell().structure()->n);
  std::vector<Vector> scores(n, Vector(n));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      scores[i][j] = sign * std::abs(history.theta()[j * n + i]);
    }
  }
  return scores;
}

class MaskTest : public testing::Test {
 protected:
  void Expect(const PartSpec& rule, const std::vector<std::vector<int>>& kept) {
    ExpectNear(GradientOf(history_, rule), MaskedGradient(history_, kept), 1e-12);
  }

  History history_{CellOf("vanilla", {{"leak", 0.4}}), 7};
};

TEST_F(MaskTest, ARingKeepsTheNearestNeighbours) {
  Expect(Sparse("ring", 2), {{5, 0, 1}, {0, 1, 2}, {1, 2, 3}, {2, 3, 4}, {3, 4, 5}, {4, 5, 0}});
  Expect(Sparse("ring", 3, false), {{5, 1}, {0, 2}, {1, 3}, {2, 4}, {3, 5}, {4, 0}});
}

TEST_F(MaskTest, BlocksKeepTheirOwnUnits) {
  Expect(Sparse("block", 3), {{0, 1, 2}, {0, 1, 2}, {0, 1, 2}, {3, 4, 5}, {3, 4, 5}, {3, 4, 5}});
  Expect(Sparse("block", 2, false), {{1}, {0}, {3}, {2}, {5}, {4}});
}

TEST_F(MaskTest, TheOracleKeepsTheLargestWeights) {
  Expect(Sparse("oracle", 2, false), HighestOf(Weights(history_, 1), 2));
}

TEST_F(MaskTest, TheAntiOracleKeepsTheSmallestWeights) {
  Expect(Sparse("anti_oracle", 2, false), HighestOf(Weights(history_, -1), 2));
}

TEST_F(MaskTest, TheDynamicMaskOfOneGateKeepsTheLargestWeights) {
  Expect(Sparse("dynamic", 3, false), HighestOf(Weights(history_, 1), 3));
}

TEST_F(MaskTest, OfEqualWeightsTheLowerUnitIsKept) {
  History even({"vanilla", {{"units", std::int64_t{6}}, {"leak", 0.4}}}, 7);
  even.SetRecurrentWeights(0.2);
  for (const std::string mask : {"oracle", "anti_oracle", "dynamic"}) {
    ExpectNear(GradientOf(even, Sparse(mask, 2, false)),
               MaskedGradient(even, {{1, 2}, {0, 2}, {0, 1}, {0, 1}, {0, 1}, {0, 1}}), 1e-12);
  }
}

TEST_F(MaskTest, TheRandomMaskFollowsFromTheSeedAndItsConstantsTellIt) {
  const Taken taken(history_, Sparse("random", 2, false));
  Vector constants(static_cast<std::size_t>(taken.rule->ConstantsSize(3)));
  ASSERT_EQ(constants.size(), 12u);
  taken.rule->InitializeConstants(kSeed, 3, constants.data());
  std::vector<std::vector<int>> kept;
  for (int i = 0; i < 6; ++i) {
    const auto at = static_cast<std::size_t>(2 * i);
    kept.push_back({static_cast<int>(constants[at]), static_cast<int>(constants[at + 1])});
    EXPECT_NE(kept.back()[0], i);
    EXPECT_NE(kept.back()[1], i);
    EXPECT_NE(kept.back()[0], kept.back()[1]);
  }
  ExpectNear(GradientOf(history_, taken), MaskedGradient(history_, kept), 1e-12);
  const Taken other(history_, Sparse("random", 2, false), kSeed + 1);
  EXPECT_NE(GradientOf(history_, other), GradientOf(history_, taken));
}

TEST_F(MaskTest, TheRandomMaskOfACellInBlocksStaysWithinThem) {
  const History history(CellOf("block_gru", {{"blocks", std::int64_t{2}}}), 1);
  const Taken taken(history, Sparse("random", 1));
  Vector units(static_cast<std::size_t>(taken.rule->ConstantsSize(3)));
  ASSERT_EQ(units.size(), 6u);
  taken.rule->InitializeConstants(kSeed, 3, units.data());
  for (int i = 0; i < 6; ++i) {
    const auto other = static_cast<int>(units[static_cast<std::size_t>(i)]);
    EXPECT_EQ(other / 3, i / 3);
    EXPECT_NE(other, i);
  }
}

TEST_F(MaskTest, TheOracleChoosesAgainEvery200StepsAndAfterAReset) {
  const std::unique_ptr<Rule<double>> rule =
      MakeRule<double>(Resolved("rule", Sparse("oracle", 1)), history_.cell(), kSeed);
  const auto from = static_cast<std::size_t>(rule->SensitivitySize());
  Vector state(static_cast<std::size_t>(rule->StateSize()), 0.0);
  ASSERT_EQ(state.size(), from + 1 + 6);
  const auto choice = [&] {
    return Vector(state.begin() + static_cast<long>(from) + 1, state.end());
  };
  Vector theta = history_.theta();
  const auto advance = [&] { rule->Advance(theta.data(), history_.last(), 1, state.data()); };
  const auto favour = [&](std::size_t unit) {
    for (std::size_t i = 0; i < 6; ++i) {
      for (std::size_t j = 0; j < 6; ++j) theta[j * 6 + i] = j == unit ? 1e-3 : 1e-4;
    }
  };
  favour(2);
  advance();
  const Vector first = choice();
  EXPECT_EQ(first, Vector({2, 2, 0, 2, 2, 2}));
  favour(4);
  for (int step = 2; step <= 200; ++step) advance();
  EXPECT_EQ(choice(), first);
  advance();
  EXPECT_EQ(choice(), Vector({4, 4, 4, 4, 0, 4}));
  favour(3);
  std::fill(state.begin(), state.end(), 0.0);
  advance();
  EXPECT_EQ(choice(), Vector({3, 3, 3, 0, 3, 3}));
}

}  // namespace
}  // namespace millrace::engine::rule_testing
