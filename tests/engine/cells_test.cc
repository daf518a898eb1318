// One step of every listed cell: a function of its arguments, with the derivatives it claims.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/parameters.h"
#include "tests/engine/cell_cases.h"

namespace millrace::engine {
namespace {

constexpr double kStep = 1e-5;
constexpr double kTolerance = 1e-7;

double Dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

class CellsTest : public testing::TestWithParam<CellCase> {
 protected:
  CellsTest() : point_(GetParam()), input_(CellPoint::Input(9)), step_(Dense(input_)) {}

  const Cell<double>& cell() const { return point_.cell(); }
  CellStep<double> Dense(const std::vector<double>& x) { return point_.Step({.dense = x.data()}); }
  std::vector<double> Components(const CellStep<double>& step) const {
    return {step.state(), step.state() + cell().components()};
  }
  std::vector<double> Gradient(const CellStep<double>& step, const std::vector<double>& ds,
                               bool sparse) {
    std::vector<double> g(point_.theta().size(), 0.0);
    std::vector<double> scratch = point_.Scratch();
    cell().ImmediateGradient(point_.theta().data(), step, ds.data(), sparse, scratch.data(),
                             g.data());
    return g;
  }
  std::vector<double> Back(const std::vector<double>& ds) {
    std::vector<double> before(ds.size(), -1.0);
    std::vector<double> scratch = point_.Scratch();
    cell().BackState(point_.theta().data(), step_, ds.data(), scratch.data(), before.data());
    return before;
  }
  std::vector<double> Ahead(const std::vector<double>& tangent) {
    std::vector<double> after(tangent.size(), -1.0);
    std::vector<double> scratch = point_.Scratch();
    cell().ForwardState(point_.theta().data(), step_, tangent.data(), scratch.data(), after.data());
    return after;
  }

  CellPoint point_;
  std::vector<double> input_;
  CellStep<double> step_;  // from the point, with input 9
};

TEST_P(CellsTest, AStepIsAFunctionOfItsArgumentsWhateverTheStepHeldBefore) {
  const std::vector<double> other = CellPoint::Input(3);
  CellStep<double> reused(cell().step_shape());
  const auto take = [&](const CellInput<double>& input) {
    cell().Forward(point_.theta().data(), input, point_.previous().data(), &reused);
  };
  const CellInput<double> before[] = {{.dense = other.data()}, {.byte = 4}, {.byte = 2}, {}};
  for (const CellInput<double>& one : before) {
    take(one);
    take({.dense = input_.data()});
    EXPECT_EQ(reused.values, step_.values);
    EXPECT_FALSE(reused.one_hot);
    take(one);
    take({.byte = 1});
    EXPECT_EQ(reused.values, point_.Step({.byte = 1}).values);
  }
}

TEST_P(CellsTest, AByteIsTheInputOfOneOneAndNoInputIsZeros) {
  std::vector<double> x(CellPoint::kInputs, 0.0);
  EXPECT_EQ(Dense(x).values, point_.Step({}).values);
  x[3] = 1.0;
  const CellStep<double> byte = point_.Step({.byte = 3});
  EXPECT_EQ(Dense(x).values, byte.values);
  if (!byte.one_hot) return;
  const std::vector<double> ds = Normals(cell().components(), 1.0, 20);
  EXPECT_EQ(byte.byte, 3);
  EXPECT_EQ(Gradient(byte, ds, true), Gradient(Dense(x), ds, false));
}

// Sums of hundreds of either sign: every gate saturated, every exponent far from that of zeros.
TEST_P(CellsTest, StepsAfterAResetAreFiniteHoweverSaturated) {
  for (const double scale : {1.0, 300.0, -300.0}) {
    std::vector<double> theta = point_.theta();
    for (double& value : theta) value *= scale;
    std::vector<double> state(point_.previous().size(), 0.0);
    CellStep<double> step(cell().step_shape());
    for (int t = 0; t < 3; ++t) {
      cell().Forward(theta.data(), {.dense = input_.data()}, state.data(), &step);
      state.assign(step.state(), step.state() + cell().state_size());
      EXPECT_TRUE(std::all_of(step.values.begin(), step.values.end(),
                              [](double value) { return std::isfinite(value); }))
          << "step " << t << " at " << scale;
    }
  }
}

TEST_P(CellsTest, ImmediateGradientsAgreeWithDifferences) {
  const std::vector<double> ds = Normals(cell().components(), 1.0, 21);
  const std::vector<double> g = Gradient(step_, ds, false);
  for (std::size_t k = 0; k < g.size(); ++k) {
    std::vector<double> theta = point_.theta();
    theta[k] += kStep;
    const double above = Dot(ds, point_.ComponentsAfter(theta, point_.previous()));
    theta[k] -= 2 * kStep;
    const double below = Dot(ds, point_.ComponentsAfter(theta, point_.previous()));
    EXPECT_NEAR(g[k], (above - below) / (2 * kStep), kTolerance) << "parameter " << k;
  }
}

TEST_P(CellsTest, DerivativesInTheStateBeforeAgreeWithDifferences) {
  const std::vector<double> ds = Normals(cell().components(), 1.0, 22);
  const std::vector<double> back = Back(ds);
  for (std::size_t k = 0; k < back.size(); ++k) {
    std::vector<double> previous = point_.previous();
    previous[k] += kStep;
    const std::vector<double> above = point_.ComponentsAfter(point_.theta(), previous);
    previous[k] -= 2 * kStep;
    const std::vector<double> below = point_.ComponentsAfter(point_.theta(), previous);
    EXPECT_NEAR(back[k], (Dot(ds, above) - Dot(ds, below)) / (2 * kStep), kTolerance)
        << "component " << k;
    std::vector<double> unit(back.size(), 0.0);
    unit[k] = 1.0;
    const std::vector<double> ahead = Ahead(unit);
    for (std::size_t c = 0; c < ahead.size(); ++c) {
      EXPECT_NEAR(ahead[c], (above[c] - below[c]) / (2 * kStep), kTolerance)
          << "component " << c << " from " << k;
    }
  }
}

TEST_P(CellsTest, BackStateAndForwardStateAreTransposes) {
  const std::vector<double> ds = Normals(cell().components(), 1.0, 23);
  const std::vector<double> tangent = Normals(cell().components(), 1.0, 24);
  const double ahead = Dot(ds, Ahead(tangent));
  EXPECT_NEAR(Dot(tangent, Back(ds)), ahead, 1e-12 * std::max(1.0, std::abs(ahead)));
}

TEST_P(CellsTest, TheBlocksCoverTheParameters) {
  ParameterLayout layout(CellPoint::kInputs);
  cell().AddBlocks(&layout);
  EXPECT_EQ(layout.size(), cell().parameters());
  for (const ParameterBlock& block : layout.blocks()) {
    EXPECT_EQ(block.rows_wait, block.group == Group::kInput) << block.name;
    EXPECT_TRUE(!block.rows_wait || block.rows == CellPoint::kInputs) << block.name;
  }
}

// Full history: what sum_t q . outputs_t gains from every parameter, the newest step's q alone.
TEST_P(CellsTest, SharedSensitivitiesAreThoseOfTheWholeHistory) {
  if (cell().SharedSensitivitySize() == 0) return;
  constexpr std::uint64_t kSteps = 6;
  const std::int64_t o = cell().outputs();
  const std::vector<double> q = Normals(o, 1.0, 25);
  const auto run = [&](const std::vector<double>& theta) {
    std::vector<double> state(point_.previous().size(), 0.0);
    for (std::uint64_t t = 0; t < kSteps; ++t) {
      state = point_.StateAfter(theta, CellPoint::Input(t), state);
    }
    const auto end = state.begin() + static_cast<std::ptrdiff_t>(cell().components());
    return Dot(q, std::vector<double>(end - static_cast<std::ptrdiff_t>(o), end));
  };
  std::vector<double> sensitivity(static_cast<std::size_t>(cell().SharedSensitivitySize()), 0.0);
  std::vector<double> state(point_.previous().size(), 0.0);
  CellStep<double> step(cell().step_shape());
  for (std::uint64_t t = 0; t < kSteps; ++t) {
    const std::vector<double> x = CellPoint::Input(t);
    cell().Forward(point_.theta().data(), {.dense = x.data()}, state.data(), &step);
    cell().AdvanceShared(point_.theta().data(), step, sensitivity.data());
    state.assign(step.state(), step.state() + cell().state_size());
  }
  std::vector<double> g(point_.theta().size(), 0.0);
  cell().SharedGradient(point_.theta().data(), sensitivity.data(), step, q.data(), g.data());
  for (std::size_t k = 0; k < g.size(); ++k) {
    std::vector<double> theta = point_.theta();
    theta[k] += kStep;
    const double above = run(theta);
    theta[k] -= 2 * kStep;
    EXPECT_NEAR(g[k], (above - run(theta)) / (2 * kStep), kTolerance) << "parameter " << k;
  }
}

TEST(RwkvCellTest, ProjectionsSeeTheirShareOfTheInputBefore) {
  constexpr double kMix = 0.25;
  constexpr std::int64_t kUnits = 3;
  const PartSpec part = Resolved("rwkv", {{"units", kUnits}, {"mix", kMix}});
  const auto cell = MakeCell<double>(part, CellPoint::kInputs);
  std::vector<double> theta(static_cast<std::size_t>(cell->parameters()));
  cell->Initialize(1, theta.data());
  std::vector<double> state(static_cast<std::size_t>(cell->state_size()), 0.0);
  CellStep<double> first(cell->step_shape()), second(first), blend(first);
  std::vector<double> x = CellPoint::Input(1);
  cell->Forward(theta.data(), {.dense = x.data()}, state.data(), &first);
  cell->Forward(theta.data(), {.byte = 2}, first.state(), &second);
  // After a reset there is no input before.
  for (double& value : x) value *= (1 - kMix) / kMix;
  x[2] += 1.0;
  cell->Forward(theta.data(), {.dense = x.data()}, state.data(), &blend);
  for (std::int64_t i = 0; i < 3 * kUnits; ++i) {
    EXPECT_NEAR(second.preactivation()[i], blend.preactivation()[i], 1e-14);
  }
}

INSTANTIATE_TEST_SUITE_P(Listed, CellsTest, testing::ValuesIn(CellCases()),
                         [](const testing::TestParamInfo<CellCase>& info) {
                           return info.param.label;
                         });

}  // namespace
}  // namespace millrace::engine
