// The reference's stochastic rules: unbiased in the mean over their noise, and one step by hand.
#include <cmath>

#include "gtest/gtest.h"
#include "tests/reference/drawing.h"
#include "tests/reference/rules/algebra.h"
#include "tests/reference/rules/list.h"

namespace millrace::reference {
namespace {

// Mean and standard error over many noises of the projection of a stochastic gradient on the exact
// one, relative to its square: 1 where unbiased.
struct Estimate {
  double mean, error;
};

Estimate Projection(const std::string& rule, const Part& cell, int runs) {
  Specification specification = SmallSpecification(cell, MakePart("rtrl"));
  Vector weights = SmallWeights(specification);
  for (double& weight : weights) weight *= 0.5;  // short memories: less variance
  const std::vector<Record> records = Series(specification, 6);
  const Vector exact = GradientAtEnd(specification, weights, records);
  const auto of_cell = MakeCell(cell, 3)->shape().layout.Size();
  const Vector direction(exact.begin(), exact.begin() + static_cast<std::ptrdiff_t>(of_cell));
  specification.rule = MakePart(rule);
  Sequence noise(99);
  const int size = rule == "uoro" ? MakeCell(cell, 3)->shape().sensitive : 2;
  specification.noise = [&](std::int64_t) { return noise.Signs(size); };
  double sum = 0;
  double squares = 0;
  for (int run = 0; run < runs; ++run) {
    Vector gradient = GradientAtEnd(specification, weights, records);
    gradient.resize(of_cell);
    const double share = Dot(gradient, direction) / Dot(direction, direction);
    sum += share;
    squares += share * share;
  }
  const double mean = sum / runs;
  return {mean, std::sqrt((squares / runs - mean * mean) / runs)};
}

TEST(ReferenceStochasticRules, UoroIsUnbiased) {
  for (const Part& cell : {MakePart("vanilla", {{"units", 4}, {"leak", 0.6}}),
                           MakePart("lstm", {{"units", 3}}), MakePart("lru", {{"units", 3}})}) {
    const Estimate estimate = Projection("uoro", cell, 4000);
    EXPECT_LT(std::abs(estimate.mean - 1), 4 * estimate.error) << cell.name;
    EXPECT_LT(estimate.error, 0.1) << cell.name;
  }
}

TEST(ReferenceStochasticRules, KfRtrlIsUnbiased) {
  for (const double leak : {0.6, 1.0}) {
    const Estimate estimate =
        Projection("kf_rtrl", MakePart("vanilla", {{"units", 4}, {"leak", leak}}), 4000);
    EXPECT_LT(std::abs(estimate.mean - 1), 4 * estimate.error) << "leak " << leak;
    EXPECT_LT(estimate.error, 0.1);
  }
}

TEST(ReferenceStochasticRules, OneStepOfUoroIsTheOneComputedByHand) {
  // One unit, one input: J = al W D' + 1 - al as a number.
  const auto cell = MakeCell(MakePart("vanilla", {{"units", 1}, {"leak", 0.5}}), 1);
  const Vector weights = {0.8, 0.4, -0.2};  // W, U, b
  const Vector state = {0.3};
  const Vector x = {2};
  const Local local = cell->Derive(weights, state, x);
  RuleDraws draws;
  draws.left = {0.7};
  draws.right = {1, -2, 2};
  const auto rule = MakeRule(MakePart("uoro"), cell, draws);
  rule->Advance({weights, state, x, local, {-1}});
  const double phi = std::tanh(0.8 * 0.3 + 0.4 * 2 - 0.2);
  const double slope = 0.5 * (1 - phi * phi);
  const double passed = (0.5 + slope * 0.8) * 0.7;
  const double drawn_norm = slope * std::sqrt(0.3 * 0.3 + 2 * 2 + 1);
  const double p0 = std::sqrt(3 / passed);
  const double p1 = std::sqrt(drawn_norm);
  const double a = p0 * passed - p1;
  const Vector gradient = rule->Gradient({2}, {});
  const double hh[] = {0.3, 2, 1};
  for (std::size_t j = 0; j < 3; ++j) {
    EXPECT_NEAR(gradient[j], 2 * a * (draws.right[j] / p0 - slope * hh[j] / p1), 1e-14);
  }
}

TEST(ReferenceStochasticRules, OneStepOfKfRtrlIsTheOneComputedByHand) {
  const auto cell = MakeCell(MakePart("vanilla", {{"units", 1}, {"leak", 0.5}}), 1);
  const Vector weights = {0.8, 0.4, -0.2};
  const Vector state = {0.3};
  const Vector x = {2};
  const Local local = cell->Derive(weights, state, x);
  RuleDraws draws;
  draws.left = {1, -2, 2};
  draws.right = {0.7};
  const auto rule = MakeRule(MakePart("kf_rtrl"), cell, draws);
  rule->Advance({weights, state, x, local, {-1, 1}});
  const double phi = std::tanh(0.8 * 0.3 + 0.4 * 2 - 0.2);
  const double slope = 0.5 * (1 - phi * phi);
  const double passed = (0.5 + slope * 0.8) * 0.7;
  const double p0 = std::sqrt(passed / 3);
  const double p1 = std::sqrt(slope / std::sqrt(0.3 * 0.3 + 2 * 2 + 1));
  const double b = -passed / p0 + slope / p1;
  const Vector gradient = rule->Gradient({2}, {});
  const double hh[] = {0.3, 2, 1};
  for (std::size_t j = 0; j < 3; ++j) {
    EXPECT_NEAR(gradient[j], 2 * b * (-p0 * draws.left[j] + p1 * hh[j]), 1e-14);
  }
}

}  // namespace
}  // namespace millrace::reference
