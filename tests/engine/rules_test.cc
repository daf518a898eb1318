// Learning rules on small cells in float64, against the cells' own derivatives carried back through
// the whole history, and against each other in their limit cases.
#include "engine/rules/list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/cells/list.h"
#include "engine/errors.h"
#include "tests/support/numbers.h"

namespace millrace::engine {
namespace {

using Vector = std::vector<double>;

constexpr std::int64_t kInputs = 3;
constexpr std::uint64_t kSeed = 11;

PartSpec Resolved(const std::string& kind, PartSpec part) {
  const absl::StatusOr<PartSpec> resolved = ResolvePart(kind, part, "");
  EXPECT_TRUE(resolved.ok()) << resolved.status();
  return resolved.ok() ? *resolved : part;
}

// A cell that goes through a few steps on inputs without pattern, its weights held.
class History {
 public:
  History(const PartSpec& cell, int steps, double scale = 0.6)
      : cell_(MakeCell<double>(Resolved("cell", cell), kInputs)), length_(steps) {
    testing_support::Numbers numbers(5);
    theta_.resize(static_cast<std::size_t>(cell_->parameters()));
    for (double& weight : theta_) weight = numbers.Between(-scale, scale);
    q_.resize(static_cast<std::size_t>(cell_->outputs()));
    for (double& value : q_) value = numbers.Between(-1, 1);
    Run();
  }

  // Of a cell with one gate.
  void SetRecurrentWeights(double value) {
    std::fill_n(theta_.begin(), cell_->structure()->n * cell_->structure()->n, value);
    Run();
  }

  const Cell<double>& cell() const { return *cell_; }
  const Vector& theta() const { return theta_; }
  const Vector& q() const { return q_; }
  const std::vector<CellStep<double>>& steps() const { return steps_; }
  const CellStep<double>& last() const { return steps_.back(); }

  // The gradient of q . outputs after the last step, back through the last `window` steps.
  Vector Exact(std::size_t window = 1000) const {
    Vector ds(static_cast<std::size_t>(cell_->components()), 0.0);
    Vector before(ds.size()), gradient(theta_.size(), 0.0), share(theta_.size());
    Vector scratch(static_cast<std::size_t>(cell_->scratch_size()));
    std::copy(q_.begin(), q_.end(), ds.end() - cell_->outputs());
    for (std::size_t back = 0; back < std::min(window, steps_.size()); ++back) {
      const CellStep<double>& step = steps_[steps_.size() - 1 - back];
      cell_->ImmediateGradient(theta_.data(), step, ds.data(), false, scratch.data(), share.data());
      for (std::size_t j = 0; j < share.size(); ++j) gradient[j] += share[j];
      cell_->BackState(theta_.data(), step, ds.data(), scratch.data(), before.data());
      ds = before;
    }
    return gradient;
  }

 private:
  void Run() {
    testing_support::Numbers numbers(6);
    Vector state(static_cast<std::size_t>(cell_->state_size()), 0.0);
    steps_.clear();
    for (int t = 0; t < length_; ++t) {
      Vector x(kInputs);
      for (double& value : x) value = numbers.Between(-1, 1);
      steps_.emplace_back(cell_->step_shape());
      CellInput<double> input;
      input.dense = x.data();
      cell_->Forward(theta_.data(), input, state.data(), &steps_.back());
      std::copy_n(steps_.back().state(), state.size(), state.data());
    }
  }

  std::unique_ptr<Cell<double>> cell_;
  int length_;
  Vector theta_, q_;
  std::vector<CellStep<double>> steps_;
};

// A rule that took a history in.
struct Taken {
  Taken(const History& history, const PartSpec& part, std::uint64_t seed = kSeed)
      : rule(MakeRule<double>(Resolved("rule", part), history.cell(), seed)),
        state(static_cast<std::size_t>(rule->StateSize()), 0.0) {
    std::uint64_t number = 0;
    for (const CellStep<double>& step : history.steps()) {
      rule->Advance(history.theta().data(), step, ++number, state.data());
    }
  }

  std::unique_ptr<Rule<double>> rule;
  Vector state;
};

Vector GradientOf(const History& history, const Taken& taken) {
  Vector gradient(history.theta().size(), std::nan(""));
  taken.rule->Gradient({history.q().data(), nullptr, 1},
                       {history.theta().data(), history.last(), nullptr, taken.state.data()}, false,
                       gradient.data());
  return gradient;
}

Vector GradientOf(const History& history, const PartSpec& part) {
  return GradientOf(history, Taken(history, part));
}

double Largest(const Vector& x) {
  double largest = 0;
  for (const double value : x) largest = std::max(largest, std::abs(value));
  return largest;
}

void ExpectNear(const Vector& got, const Vector& expected, double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  ASSERT_GT(Largest(expected), 0.01);
  for (std::size_t j = 0; j < got.size(); ++j) {
    EXPECT_NEAR(got[j], expected[j], tolerance * Largest(expected)) << "weight " << j;
  }
}

PartSpec CellOf(const std::string& name, Settings settings = {}, std::int64_t units = 6) {
  settings.emplace("units", units);
  return {name, std::move(settings)};
}

// Cells with weights between units whose parameters reach their own unit alone within one step.
std::vector<PartSpec> UnitLocalCells() {
  return {CellOf("vanilla", {{"leak", 0.4}}),
          CellOf("ctrnn"),
          CellOf("lstm"),
          CellOf("gru"),
          CellOf("slstm", {{"heads", std::int64_t{1}}}),
          CellOf("slstm", {{"heads", std::int64_t{2}}}),
          CellOf("block_gru", {{"blocks", std::int64_t{2}}}),
          CellOf("block_gru", {{"blocks", std::int64_t{3}}})};
}

// Cells with weights between units.
std::vector<PartSpec> RecurrentCells() {
  std::vector<PartSpec> cells = UnitLocalCells();
  cells.push_back(CellOf("gru", {{"reset", std::string("before")}}));
  return cells;
}

// Cells in which no unit reaches another, and those that share sensitivities between units.
std::vector<PartSpec> CheapCells() {
  return {CellOf("lru"),     CellOf("lru", {{"tied", false}}),
          CellOf("glru"),    CellOf("glru", {{"complex", true}}),
          CellOf("min_gru"), CellOf("rg_lru"),
          CellOf("elstm"),   CellOf("rwkv"),
          CellOf("s4d"),     CellOf("retnet", {{"key_size", std::int64_t{4}}})};
}

std::vector<PartSpec> AllCells() {
  std::vector<PartSpec> cells = RecurrentCells();
  for (const PartSpec& cell : CheapCells()) cells.push_back(cell);
  return cells;
}

PartSpec Sparse(const std::string& mask, std::int64_t k, bool include_self = true) {
  return {"sparse_rtrl", {{"mask", mask}, {"k", k}, {"include_self", include_self}}};
}

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

TEST(RulesTest, FullRecurrentLearningSplitsColumnsIntoTilesWithoutATrace) {
  const History history(CellOf("vanilla", {{"leak", 0.4}}, 23), 5, 0.3);
  ExpectNear(GradientOf(history, PartSpec{"rtrl", {}}), history.Exact(), 1e-10);
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

// Mean and standard error over seeds of a stochastic rule's gradient.
void ExpectToCover(const History& history, const PartSpec& rule, int draws) {
  const Vector exact = history.Exact();
  Vector sum(exact.size(), 0.0), squares(exact.size(), 0.0);
  for (int draw = 0; draw < draws; ++draw) {
    const Vector gradient =
        GradientOf(history, Taken(history, rule, static_cast<std::uint64_t>(draw)));
    for (std::size_t j = 0; j < sum.size(); ++j) {
      sum[j] += gradient[j];
      squares[j] += gradient[j] * gradient[j];
    }
  }
  double chi_square = 0;
  for (std::size_t j = 0; j < sum.size(); ++j) {
    const double mean = sum[j] / draws;
    const double error = std::sqrt((squares[j] / draws - mean * mean) / draws);
    EXPECT_LT(std::abs(mean - exact[j]), 4.5 * error) << "weight " << j;
    EXPECT_LT(error, 0.1 * Largest(exact)) << "weight " << j;
    chi_square += (mean - exact[j]) * (mean - exact[j]) / (error * error);
  }
  EXPECT_LT(chi_square, 2.0 * static_cast<double>(exact.size()));
}

TEST(RulesTest, TheMeanOfUoroIsTheExactGradient) {
  ExpectToCover(History(CellOf("vanilla", {{"leak", 0.4}}, 3), 4), {"uoro", {}}, 20000);
  ExpectToCover(History(CellOf("lstm", {}, 3), 4), {"uoro", {}}, 20000);
}

TEST(RulesTest, TheMeanOfKroneckerFactorsIsTheExactGradient) {
  ExpectToCover(History(CellOf("vanilla", {{"leak", 0.4}}, 3), 4), {"kf_rtrl", {}}, 20000);
}

TEST(RulesTest, StochasticRulesAreExactOnTheFirstStepOfAPlainProduct) {
  const History history(CellOf("vanilla"), 1);
  ExpectNear(GradientOf(history, PartSpec{"kf_rtrl", {}}), history.Exact(), 1e-12);
}

TEST(RulesTest, NoiseFollowsFromTheSeedAndTheNumberOfTheStep) {
  const History history(CellOf("vanilla"), 5);
  for (const std::string name : {"uoro", "kf_rtrl"}) {
    const PartSpec rule{name, {}};
    EXPECT_EQ(Taken(history, rule).state, Taken(history, rule).state);
    EXPECT_NE(Taken(history, rule).state, Taken(history, rule, kSeed + 1).state);
  }
}

// One step of UORO and of KF-RTRL by their formulas from a state and noise given.
TEST(RulesTest, UoroTakesInjectedNoiseForOneStep) {
  const History history(CellOf("vanilla", {{"leak", 0.4}}, 2), 2);
  Taken taken(history, {"uoro", {}});
  const std::size_t p = history.theta().size();
  ASSERT_EQ(taken.rule->NoiseSize(), 2);
  ASSERT_EQ(taken.state.size(), 2 + p);
  testing_support::Numbers numbers(9);
  for (double& value : taken.state) value = numbers.Between(-1, 1);
  const Vector before = taken.state;
  const Vector nu = {0.5, -2.0};
  taken.rule->InjectNoise(nu.data(), 2);
  taken.rule->Advance(history.theta().data(), history.last(), 3, taken.state.data());

  const CellStep<double>& step = history.last();
  const auto norm = [](const Vector& x) {
    double sum = 0;
    for (const double value : x) sum += value * value;
    return std::sqrt(sum);
  };
  Vector passed(2), drawn(p);
  for (std::size_t k = 0; k < 2; ++k) {
    passed[k] = step.carry()[k] * before[k];
    for (std::size_t l = 0; l < 2; ++l) {
      passed[k] += step.slope()[k] * history.theta()[l * 2 + k] * before[l];
    }
  }
  for (std::size_t w = 0; w < p; ++w)
    drawn[w] = nu[w % 2] * step.slope()[w % 2] * step.fan_in()[w / 2];
  const double p0 = std::sqrt(norm(Vector(before.begin() + 2, before.end())) / norm(passed));
  const double p1 = std::sqrt(norm(drawn) / norm(nu));
  for (std::size_t k = 0; k < 2; ++k) {
    EXPECT_NEAR(taken.state[k], p0 * passed[k] + p1 * nu[k], 1e-14);
  }
  for (std::size_t w = 0; w < p; ++w) {
    EXPECT_NEAR(taken.state[2 + w], before[2 + w] / p0 + drawn[w] / p1, 1e-14);
  }

  const Vector injected = taken.state;
  taken.rule->Advance(history.theta().data(), step, 4, taken.state.data());
  Taken fresh(history, {"uoro", {}});
  fresh.state = injected;
  fresh.rule->Advance(history.theta().data(), step, 4, fresh.state.data());
  EXPECT_EQ(taken.state, fresh.state);
}

TEST(RulesTest, KroneckerFactorsFollowTheirFormulas) {
  const History history(CellOf("vanilla", {{"leak", 0.4}}, 2), 2);
  Taken taken(history, {"kf_rtrl", {}});
  const std::size_t rows = 2 + kInputs + 1;
  ASSERT_EQ(taken.rule->NoiseSize(), 2);
  ASSERT_EQ(taken.state.size(), rows + 4);
  testing_support::Numbers numbers(9);
  for (double& value : taken.state) value = numbers.Between(-1, 1);
  const Vector before = taken.state;
  const Vector nu = {-1.0, 1.0};
  taken.rule->InjectNoise(nu.data(), 2);
  taken.rule->Advance(history.theta().data(), history.last(), 3, taken.state.data());

  const CellStep<double>& step = history.last();
  Vector passed(4);
  double a2 = 0, f2 = 0, jb2 = 0, d2 = 0;
  for (std::size_t k = 0; k < 2; ++k) {
    for (std::size_t i = 0; i < 2; ++i) {
      passed[k * 2 + i] = step.carry()[k] * before[rows + k * 2 + i];
      for (std::size_t l = 0; l < 2; ++l) {
        passed[k * 2 + i] +=
            step.slope()[k] * history.theta()[l * 2 + k] * before[rows + l * 2 + i];
      }
      jb2 += passed[k * 2 + i] * passed[k * 2 + i];
    }
    d2 += step.slope()[k] * step.slope()[k];
  }
  for (std::size_t j = 0; j < rows; ++j) {
    a2 += before[j] * before[j];
    f2 += step.fan_in()[j] * step.fan_in()[j];
  }
  const double p0 = std::sqrt(std::sqrt(jb2) / std::sqrt(a2));
  const double p1 = std::sqrt(std::sqrt(d2) / std::sqrt(f2));
  for (std::size_t j = 0; j < rows; ++j) {
    EXPECT_NEAR(taken.state[j], -p0 * before[j] + p1 * step.fan_in()[j], 1e-14);
  }
  for (std::size_t at = 0; at < 4; ++at) {
    const double slope = at % 3 == 0 ? step.slope()[at / 3] : 0;
    EXPECT_NEAR(taken.state[rows + at], -passed[at] / p0 + slope / p1, 1e-14);
  }
}

std::string Refusal(const PartSpec& cell, const PartSpec& rule) {
  const absl::Status status = CheckRule(Resolved("cell", cell), kInputs, Resolved("rule", rule));
  if (status.ok()) return "";
  EXPECT_EQ(ReasonOf(status), kBadSpec);
  return std::string(status.message());
}

TEST(RulesTest, EveryPairOfCellAndRuleIsTakenOrRefusedWithAReason) {
  for (const PartSpec& cell : AllCells()) {
    for (const PartDescription& rule : DescribeRules()) {
      const std::string refusal = Refusal(cell, {rule.name, {}});
      if (refusal.empty()) {
        Taken(History(cell, 2), {rule.name, {}});
      } else {
        EXPECT_NE(refusal.find("use rule '"), std::string::npos) << refusal;
      }
    }
  }
}

TEST(RulesTest, SparseLearningOfACellWithoutConnectionsIsRefused) {
  EXPECT_EQ(Refusal(CellOf("min_gru"), Sparse("ring", 2)),
            "rule 'sparse_rtrl' leaves out connections between units; cell 'min_gru' has none; use "
            "rule 'rtrl', exact there at the cost of a trace");
}

TEST(RulesTest, MoreConnectionsThanThereAreOtherUnitsAreRefused) {
  EXPECT_EQ(Refusal(CellOf("vanilla"), Sparse("random", 5)), "");
  EXPECT_EQ(Refusal(CellOf("vanilla"), Sparse("random", 6)),
            "setting 'k' of rule 'sparse_rtrl' is 6; expected an integer from 0 to 5, the other "
            "units that a unit of cell 'vanilla' is connected with; lower k, or use rule 'rtrl'");
}

TEST(RulesTest, BlocksThatDoNotDivideTheUnitsAreRefused) {
  for (const std::int64_t k : {0, 4, 12}) {
    EXPECT_EQ(Refusal(CellOf("vanilla"), Sparse("block", k)),
              "setting 'k' of rule 'sparse_rtrl' is " + std::to_string(k) +
                  "; expected a divisor of 6, the units that cell 'vanilla' connects, since mask "
                  "is 'block'; change k or the cell's units");
  }
}

TEST(RulesTest, BlocksOfACellWhoseWeightsReachOtherUnitsAtOnceAreRefused) {
  const PartSpec cell = CellOf("gru", {{"reset", std::string("before")}});
  EXPECT_EQ(Refusal(cell, Sparse("block", 6)), "");
  EXPECT_EQ(Refusal(cell, Sparse("block", 3)),
            "setting 'mask' of rule 'sparse_rtrl' is 'block', which follows each unit's parameters "
            "within its block; those of cell 'gru' reach other units within one step; use another "
            "mask");
}

TEST(RulesTest, KroneckerFactorsOfSeveralGatesAreRefused) {
  EXPECT_EQ(Refusal(CellOf("lstm"), {"kf_rtrl", {}}),
            "rule 'kf_rtrl' needs weights whose immediate derivatives are one Kronecker product of "
            "fan-in and slope; those of cell 'lstm' are not; use rule 'uoro', or 'sparse_rtrl' "
            "with mask 'block'");
  EXPECT_EQ(Refusal(CellOf("lru"), {"kf_rtrl", {}}),
            "rule 'kf_rtrl' needs weights whose immediate derivatives are one Kronecker product of "
            "fan-in and slope; those of cell 'lru' are not; use rule 'rtrl', exact there at the "
            "cost of a trace");
}

TEST(RulesTest, SensitivitiesThatNoMachineHoldsAreRefused) {
  EXPECT_EQ(Refusal(CellOf("vanilla", {}, 1024), {"rtrl", {}}), "");
  EXPECT_EQ(Refusal(CellOf("vanilla", {}, 4096), {"rtrl", {}}),
            "rule 'rtrl' carries 68786585600 numbers a stream for cell 'vanilla' of this size; "
            "expected at most 4294967296; use rule 'sparse_rtrl' with mask 'block', or fewer "
            "units");
  EXPECT_EQ(Refusal(CellOf("vanilla", {}, 4096), Sparse("block", 64)), "");
}

}  // namespace
}  // namespace millrace::engine
