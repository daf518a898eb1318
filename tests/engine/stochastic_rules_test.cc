// UORO and KF-RTRL: their mean over the noise, and one step by their formulas.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/engine/rule_history.h"

namespace millrace::engine::rule_testing {
namespace {

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

TEST(StochasticRulesTest, TheMeanOfUoroIsTheExactGradient) {
  ExpectToCover(History(CellOf("vanilla", {{"leak", 0.4}}, 3), 4), {"uoro", {}}, 20000);
  ExpectToCover(History(CellOf("lstm", {}, 3), 4), {"uoro", {}}, 20000);
}

TEST(StochasticRulesTest, TheMeanOfKroneckerFactorsIsTheExactGradient) {
  ExpectToCover(History(CellOf("vanilla", {{"leak", 0.4}}, 3), 4), {"kf_rtrl", {}}, 20000);
}

TEST(StochasticRulesTest, StochasticRulesAreExactOnTheFirstStepOfAPlainProduct) {
  const History history(CellOf("vanilla"), 1);
  ExpectNear(GradientOf(history, PartSpec{"kf_rtrl", {}}), history.Exact(), 1e-12);
}

TEST(StochasticRulesTest, NoiseFollowsFromTheSeedAndTheNumberOfTheStep) {
  const History history(CellOf("vanilla"), 5);
  for (const std::string name : {"uoro", "kf_rtrl"}) {
    const PartSpec rule{name, {}};
    EXPECT_EQ(Taken(history, rule).state, Taken(history, rule).state);
    EXPECT_NE(Taken(history, rule).state, Taken(history, rule, kSeed + 1).state);
  }
}

// One step of UORO and of KF-RTRL by their formulas from a state and noise given.
TEST(StochasticRulesTest, UoroTakesInjectedNoiseForOneStep) {
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

TEST(StochasticRulesTest, KroneckerFactorsFollowTheirFormulas) {
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

}  // namespace
}  // namespace millrace::engine::rule_testing
