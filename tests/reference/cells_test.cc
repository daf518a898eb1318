// The reference's cells: their layouts, cases computed by hand, derivatives against differences,
// and the stabilised forms against the plain ones.
#include <cmath>
#include <functional>

#include "gtest/gtest.h"
#include "tests/reference/cells/list.h"
#include "tests/reference/drawing.h"

namespace millrace::reference {
namespace {

constexpr int kInputs = 3;

std::string Blocks(const Part& part) {
  std::string text;
  const auto cell = MakeCell(part, kInputs);
  for (const Block& block : cell->shape().layout.blocks()) {
    text += block.name + " " + block.group + " " + std::to_string(block.rows) + "x" +
            std::to_string(block.width) + "; ";
  }
  return text;
}

TEST(ReferenceCells, HaveTheBlocksTheReadmeNames) {
  EXPECT_EQ(Blocks(MakePart("vanilla", {{"units", 4}})),
            "recurrent recurrent 4x4; input input 3x4; bias bias 1x4; ");
  EXPECT_EQ(Blocks(MakePart("ctrnn", {{"units", 4}})),
            "recurrent recurrent 4x4; input input 3x4; bias bias 1x4; leak dynamics 1x4; ");
  EXPECT_EQ(Blocks(MakePart("gru", {{"units", 4}})),
            "reset.recurrent recurrent 4x4; reset.input input 3x4; reset.bias bias 1x4; "
            "update.recurrent recurrent 4x4; update.input input 3x4; update.bias bias 1x4; "
            "candidate_input.input input 3x4; candidate_input.bias bias 1x4; "
            "candidate_recurrent.recurrent recurrent 4x4; candidate_recurrent.bias bias 1x4; ");
  EXPECT_EQ(Blocks(MakePart("block_gru", {{"units", 4}, {"blocks", 2}})),
            "reset.recurrent recurrent 2x4; reset.input input 3x4; reset.bias bias 1x4; "
            "candidate.recurrent recurrent 2x4; candidate.input input 3x4; "
            "candidate.bias bias 1x4; "
            "update.recurrent recurrent 2x4; update.input input 3x4; update.bias bias 1x4; ");
  EXPECT_EQ(Blocks(MakePart("retnet", {{"key_size", 2}, {"value_size", 5}})),
            "query input 3x2; key input 3x2; value input 3x5; ");
  EXPECT_EQ(Blocks(MakePart("lru", {{"units", 4}, {"tied", 0}})),
            "input_real.input input 3x4; input_imaginary.input input 3x4; radius dynamics 1x4; "
            "phase dynamics 1x4; log_gamma dynamics 1x4; ");
}

// Weights by name: block, row, column.
class Weights {
 public:
  explicit Weights(const Cell& cell)
      : cell_(cell), values_(Sequence(3).Take(cell.shape().layout.Size())) {}
  double operator()(const std::string& block, int row, int column) const {
    const int place = cell_.shape().layout.Find(block).Place(row, column);
    return values_[place];
  }
  const Vector& values() const { return values_; }

  // Pre-activation of a gate with recurrent weights over all units, input weights and a bias.
  double Gate(const std::string& gate, int unit, const Vector& h, const Vector& x) const {
    double a = (*this)(gate + ".bias", 0, unit);
    for (int j = 0; j < static_cast<int>(h.size()); ++j) {
      a += (*this)(gate + ".recurrent", j, unit) * h[j];
    }
    return a + Input(gate, unit, x);
  }
  double Input(const std::string& gate, int unit, const Vector& x) const {
    double a = 0;
    for (int j = 0; j < static_cast<int>(x.size()); ++j) {
      a += (*this)(gate + ".input", j, unit) * x[j];
    }
    return a;
  }

 private:
  const Cell& cell_;
  Vector values_;
};

double Logistic(double a) { return 1 / (1 + std::exp(-a)); }

const Vector kX = {0.5, -1.5, 0.75};

TEST(ReferenceCells, TheLstmsStepIsTheOneComputedByHand) {
  const auto cell = MakeCell(MakePart("lstm", {{"units", 2}}), kInputs);
  const Weights w(*cell);
  const Vector state = {0.3, -0.8, 0.2, 0.6};  // c, h
  const Vector h = {0.2, 0.6};
  const Vector next = cell->Next(w.values(), state, kX);
  for (int i = 0; i < 2; ++i) {
    const double c = Logistic(w.Gate("forget", i, h, kX)) * state[i] +
                     Logistic(w.Gate("input", i, h, kX)) * std::tanh(w.Gate("candidate", i, h, kX));
    EXPECT_NEAR(next[i], c, 1e-15);
    EXPECT_NEAR(next[2 + i], Logistic(w.Gate("output", i, h, kX)) * std::tanh(c), 1e-15);
  }
  EXPECT_EQ(cell->shape().outputs, (std::vector<int>{2, 3}));
}

TEST(ReferenceCells, TheGrusStepIsTheOneComputedByHandInBothForms) {
  const Vector h = {0.2, 0.6};
  const auto after = MakeCell(MakePart("gru", {{"units", 2}}, {{"reset", "after"}}), kInputs);
  const auto before = MakeCell(MakePart("gru", {{"units", 2}}, {{"reset", "before"}}), kInputs);
  const Weights wa(*after);
  const Weights wb(*before);
  const Vector next_after = after->Next(wa.values(), h, kX);
  const Vector next_before = before->Next(wb.values(), h, kX);
  const Vector reset_h = {Logistic(wb.Gate("reset", 0, h, kX)) * h[0],
                          Logistic(wb.Gate("reset", 1, h, kX)) * h[1]};
  for (int i = 0; i < 2; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const double inner = wa("candidate_recurrent.recurrent", 0, i) * h[0] +
                         wa("candidate_recurrent.recurrent", 1, i) * h[1] +
                         wa("candidate_recurrent.bias", 0, i);
    const double n =
        std::tanh(wa.Input("candidate_input", i, kX) + wa("candidate_input.bias", 0, i) +
                  Logistic(wa.Gate("reset", i, h, kX)) * inner);
    const double z = Logistic(wa.Gate("update", i, h, kX));
    EXPECT_NEAR(next_after[at], (1 - z) * n + z * h[at], 1e-15);
    const double nb = std::tanh(wb.Gate("candidate", i, reset_h, kX));
    const double zb = Logistic(wb.Gate("update", i, h, kX));
    EXPECT_NEAR(next_before[at], (1 - zb) * nb + zb * h[at], 1e-15);
  }
}

TEST(ReferenceCells, BlockDiagonalWeightsReachTheirOwnBlockAlone) {
  const auto cell = MakeCell(MakePart("block_gru", {{"units", 4}, {"blocks", 2}}), kInputs);
  const Weights w(*cell);
  const Vector h = {0.1, -0.4, 0.7, 0.9};
  const Vector next = cell->Next(w.values(), h, kX);
  for (int i = 0; i < 4; ++i) {
    const Vector own = i < 2 ? Vector{h[0], h[1]} : Vector{h[2], h[3]};
    const double c =
        std::tanh(Logistic(w.Gate("reset", i, own, kX)) * w.Gate("candidate", i, own, kX));
    const double u = Logistic(w.Gate("update", i, own, kX) - 1);
    const auto at = static_cast<std::size_t>(i);
    EXPECT_NEAR(next[at], u * c + (1 - u) * h[at], 1e-15);
  }
}

TEST(ReferenceCells, DiagonalUnitsStepsAreTheOnesComputedByHand) {
  const Vector one = {0.3};
  const auto check = [&](const Part& part, const std::function<double(const Weights&)>& expected) {
    const auto cell = MakeCell(part, kInputs);
    const Weights w(*cell);
    EXPECT_NEAR(cell->Next(w.values(), one, kX)[0], expected(w), 1e-15) << part.name;
  };
  check(MakePart("glru"), [&](const Weights& w) {
    const double s = Logistic(w.Input("recurrence", 0, kX));
    const double r = std::exp(-3 * std::exp(w("radius", 0, 0)) * s);
    return r * one[0] + std::sqrt(1 - r * r) * w.Input("gate", 0, kX) * w.Input("value", 0, kX);
  });
  check(MakePart("rg_lru"), [&](const Weights& w) {
    const double s = Logistic(w.Input("recurrence", 0, kX));
    const double r = std::exp(-8 * std::log(1 + std::exp(w("radius", 0, 0))) * s);
    return r * one[0] +
           std::sqrt(1 - r * r) * Logistic(w.Input("input_gate", 0, kX)) * w.Input("value", 0, kX);
  });
  check(MakePart("min_gru"), [&](const Weights& w) {
    const double z = Logistic(w.Input("update", 0, kX) + w("update.bias", 0, 0));
    return (1 - z) * one[0] + z * (w.Input("candidate", 0, kX) + w("candidate.bias", 0, 0));
  });
  check(MakePart("elstm"), [&](const Weights& w) {
    const double z = std::tanh(w.Input("candidate", 0, kX) + w("candidate.bias", 0, 0) +
                               w("candidate_peephole", 0, 0) * one[0]);
    const double f = Logistic(w.Input("forget", 0, kX) + w("forget.bias", 0, 0) +
                              w("forget_peephole", 0, 0) * one[0]);
    return f * one[0] + (1 - f) * z;
  });
}

TEST(ReferenceCells, ALinearRecurrentUnitTurnsAndShrinks) {
  const auto cell = MakeCell(MakePart("lru"), kInputs);
  const Weights w(*cell);
  const double r = std::exp(-std::exp(w("radius", 0, 0)));
  const double turn = std::exp(w("phase", 0, 0));
  const Vector next = cell->Next(w.values(), {1, 0}, {0, 0, 0});
  EXPECT_NEAR(next[0], r * std::cos(turn), 1e-15);
  EXPECT_NEAR(next[1], r * std::sin(turn), 1e-15);
  const Vector driven = cell->Next(w.values(), {0, 0}, kX);
  EXPECT_NEAR(driven[1], std::sqrt(1 - r * r) * w.Input("input_imaginary", 0, kX), 1e-15);
}

// s(t) of ds/dt = A s + u under a constant u is A^-1 (e^(A t) - 1) u: n steps are one n times as
// long.
TEST(ReferenceCells, TwoStepsOfAStateSpaceAreOneTwiceAsLong) {
  const auto cell = MakeCell(MakePart("s4d", {{"state", 2}}), kInputs);
  Weights w(*cell);
  Vector doubled = w.values();
  doubled[cell->shape().layout.Find("step").offset] += std::log(2);
  const Vector zero(cell->StateSize());
  const Vector twice = cell->Next(w.values(), cell->Next(w.values(), zero, kX), kX);
  const Vector once = cell->Next(doubled, zero, kX);
  for (std::size_t i = 0; i < once.size(); ++i) EXPECT_NEAR(twice[i], once[i], 1e-14);
}

TEST(ReferenceCells, ARetentionIsADecayedSumOfOuterProducts) {
  const auto cell =
      MakeCell(MakePart("retnet", {{"key_size", 2}, {"value_size", 2}, {"decay", 0.5}}), kInputs);
  const Vector weights = Sequence(3).Take(cell->shape().layout.Size());
  const auto product = [&](const std::string& block, int i, const Vector& x) {
    double sum = 0;
    for (int j = 0; j < kInputs; ++j) {
      sum += weights[cell->shape().layout.Find(block).Place(j, i)] * x[j];
    }
    return sum;
  };
  const Vector first = {1, 2, -1};
  Vector state(cell->StateSize());
  state = cell->Next(weights, cell->Next(weights, state, first), kX);
  for (int b = 0; b < 2; ++b) {
    double y = 0;
    for (int a = 0; a < 2; ++a) {
      const double s = 0.5 * product("key", a, first) * product("value", b, first) +
                       product("key", a, kX) * product("value", b, kX);
      EXPECT_NEAR(state[2 * a + b], s, 1e-15);
      y += s * product("query", a, kX);
    }
    EXPECT_NEAR(state[4 + b], y, 1e-15);
  }
}

class EveryCell : public testing::TestWithParam<Part> {};
INSTANTIATE_TEST_SUITE_P(All, EveryCell, testing::ValuesIn(AllCells()),
                         [](const testing::TestParamInfo<Part>& info) {
                           return info.param.name + std::to_string(info.index);
                         });

// A state that some steps have led to.
Vector Reached(const Cell& cell, const Vector& weights, int steps) {
  Sequence sequence(11);
  Vector state(static_cast<std::size_t>(cell.StateSize()));
  for (int t = 0; t < steps; ++t) state = cell.Next(weights, state, sequence.Take(kInputs));
  return state;
}

// Sums in units of e^m brought into the units of another m: derivatives hold m, differences do not.
Vector InUnitsOf(const Vector& other, Vector state, const Part& part, const CellShape& shape) {
  const bool scaled =
      (part.name == "slstm" || part.name == "rwkv") && part.Flag("stabilised", true);
  for (int place = 0; scaled && place < 2 * shape.units; ++place) {
    const auto m = shape.sensitive + place % shape.units;
    state[place] *= std::exp(state[m] - other[m]);
  }
  return state;
}

TEST_P(EveryCell, LocalDerivativesAreThoseOfCentralDifferences) {
  const auto cell = MakeCell(GetParam(), kInputs);
  const int p = cell->shape().layout.Size();
  const int n = cell->shape().sensitive;
  const Vector weights = Sequence(5).Take(p);
  const Vector state = Reached(*cell, weights, 3);
  const Local local = cell->Derive(weights, state, kX);
  EXPECT_LT(Distance(local.next, cell->Next(weights, state, kX)), 1e-15);
  const double step = 1e-5;
  const auto compare = [&](Vector up, Vector down, const std::function<double(int)>& derivative) {
    up = InUnitsOf(local.next, up, GetParam(), cell->shape());
    down = InUnitsOf(local.next, down, GetParam(), cell->shape());
    for (int k = 0; k < n; ++k) {
      const auto at = static_cast<std::size_t>(k);
      EXPECT_NEAR(derivative(k), (up[at] - down[at]) / (2 * step), 1e-8);
    }
  };
  for (int j = 0; j < p; ++j) {
    Vector up = weights;
    Vector down = weights;
    up[j] += step;
    down[j] -= step;
    compare(cell->Next(up, state, kX), cell->Next(down, state, kX),
            [&](int k) { return local.immediate(k, j); });
  }
  for (int l = 0; l < n; ++l) {
    Vector up = state;
    Vector down = state;
    up[l] += step;
    down[l] -= step;
    compare(cell->Next(weights, up, kX), cell->Next(weights, down, kX),
            [&](int k) { return local.carry(k, l) + local.recurrent(k, l); });
  }
}

TEST_P(EveryCell, UnitsCarryThemselvesAloneAndReachOthersThroughRecurrentWeightsOnly) {
  const auto cell = MakeCell(GetParam(), kInputs);
  const Vector weights = Sequence(5).Take(cell->shape().layout.Size());
  const Local local = cell->Derive(weights, Reached(*cell, weights, 3), kX);
  const CellShape& shape = cell->shape();
  double through = 0;
  for (int k = 0; k < shape.sensitive; ++k) {
    for (int l = 0; l < shape.sensitive; ++l) {
      if (k % shape.units != l % shape.units) {
        EXPECT_EQ(local.carry(k, l), 0);
      }
      through += std::abs(local.recurrent(k, l));
    }
  }
  EXPECT_EQ(through > 0, HasRecurrentWeights(GetParam()));
}

TEST_P(EveryCell, WeightsReachTheirOwnUnitAloneWithinAStepButForAResetBeforeTheProduct) {
  const auto cell = MakeCell(GetParam(), kInputs);
  const CellShape& shape = cell->shape();
  const Vector weights = Sequence(5).Take(shape.layout.Size());
  const Local local = cell->Derive(weights, Reached(*cell, weights, 3), kX);
  double beyond = 0;
  for (int k = 0; k < shape.sensitive; ++k) {
    for (int j = 0; j < shape.layout.Size(); ++j) {
      if (shape.UnitOfState(k) != shape.UnitOfWeight(j)) beyond += std::abs(local.immediate(k, j));
    }
  }
  EXPECT_EQ(beyond > 0, GetParam().Text("reset", "after") == "before");
}

// Outputs of the two forms over some steps, with weights large enough that the maxima change sides.
void ExpectSameOutputs(Part part) {
  const auto stabilised = MakeCell(part, kInputs);
  part.numbers["stabilised"] = 0;
  const auto plain = MakeCell(part, kInputs);
  Vector weights = Sequence(5).Take(plain->shape().layout.Size());
  for (double& weight : weights) weight *= 2;
  Sequence sequence(11);
  Vector state(plain->StateSize());
  Vector plain_state = state;
  for (int t = 0; t < 30; ++t) {
    const Vector x = sequence.Take(kInputs);
    state = stabilised->Next(weights, state, x);
    plain_state = plain->Next(weights, plain_state, x);
    for (const int place : plain->shape().outputs) {
      const auto at = static_cast<std::size_t>(place);
      EXPECT_NEAR(state[at], plain_state[at], 1e-12) << part.name << " step " << t;
    }
  }
}

TEST(ReferenceCells, StabilisersChangeNoOutput) {
  ExpectSameOutputs(MakePart("slstm", {{"units", 4}, {"heads", 2}}));
  ExpectSameOutputs(MakePart("rwkv", {{"units", 4}}));
}

TEST(ReferenceCells, StabilisedUnitsStayFiniteUnderHugePreactivations) {
  for (const char* name : {"slstm", "rwkv"}) {
    const auto cell = MakeCell(MakePart(name, {{"units", 4}}), kInputs);
    Vector weights = Sequence(5).Take(cell->shape().layout.Size());
    for (double& weight : weights) weight *= 5;
    Vector state(cell->StateSize());
    Sequence sequence(11);
    for (int t = 0; t < 20; ++t) {
      Vector x = sequence.Take(kInputs);
      for (double& value : x) value *= 1000;
      const Local local = cell->Derive(weights, state, x);
      state = local.next;
      for (const double value : state) EXPECT_TRUE(std::isfinite(value)) << name << " step " << t;
      for (const double value : local.immediate.values()) EXPECT_TRUE(std::isfinite(value)) << name;
    }
  }
}

}  // namespace
}  // namespace millrace::reference
