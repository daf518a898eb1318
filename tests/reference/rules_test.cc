// The reference's rules: against the derivative over all history, against each other in the limits
// where theory says that two are one.
#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"
#include "tests/reference/drawing.h"
#include "tests/reference/online_learner.h"
#include "tests/reference/rules/list.h"

namespace millrace::reference {
namespace {

const Part kRtrl = MakePart("rtrl");
const Part kImmediate = MakePart("immediate");
const Part kRflo = MakePart("rflo");
const Part kSnap1 = MakePart("snap1");

// The gradient of the cell's weights at the end of a series under one rule.
Vector GradientUnder(const Part& rule, const Part& cell, int steps,
                     const RuleDraws& draws = RuleDraws{}) {
  Specification specification = SmallSpecification(cell, rule);
  specification.draws = draws;
  return GradientAtEnd(specification, SmallWeights(specification), Series(specification, steps));
}

// dL/dweights of the last record with the whole history on one tape, weights held at all steps
// before the last `window` (0: none are).
Vector Unrolled(const Specification& specification, const std::vector<Record>& records,
                int window) {
  const RecurrentNetwork network(specification);
  const Vector weights = SmallWeights(specification);
  Tape tape;
  std::vector<Variable> theta;
  for (const double weight : weights) theta.push_back(tape.Leaf(weight));
  const std::vector<Variable> held(weights.begin(), weights.end());
  std::vector<Variable> state(static_cast<std::size_t>(network.StateSize()));
  const int count = static_cast<int>(records.size());
  for (int t = 0; t < count; ++t) {
    const bool moves = window == 0 || t >= count - window;
    state = network.cell().Next(moves ? theta : held, state, records[t].taken.z);
  }
  // L = mean (y - target)^2 with a linear head: readout [o, m], then its bias.
  const Vector& target = records.back().target->values;
  const int m = specification.outputs;
  const Block& readout = network.layout().Find("readout");
  const Block& bias = network.layout().Find("readout_bias");
  Variable loss = 0;
  for (int k = 0; k < m; ++k) {
    Variable error = theta[bias.Place(0, k)] - target[k];
    for (int o = 0; o < readout.rows; ++o) {
      const int place = network.cell().shape().outputs[o];
      error += theta[readout.Place(o, k)] * state[place];
    }
    loss += error * error / m;
  }
  Vector slopes = tape.Backward(loss);
  slopes.resize(weights.size());
  return slopes;
}

class EveryRuleOnCell : public testing::TestWithParam<Part> {};
INSTANTIATE_TEST_SUITE_P(All, EveryRuleOnCell, testing::ValuesIn(AllCells()),
                         [](const testing::TestParamInfo<Part>& info) {
                           return info.param.name + std::to_string(info.index);
                         });

TEST_P(EveryRuleOnCell, FullRecurrenceIsTheDerivativeOverAllHistory) {
  const Specification specification = SmallSpecification(GetParam(), kRtrl);
  const std::vector<Record> records = Series(specification, 20);
  const Vector gradient = GradientAtEnd(specification, SmallWeights(specification), records);
  EXPECT_LT(Distance(gradient, Unrolled(specification, records, 0)), 1e-12);
}

TEST_P(EveryRuleOnCell, TruncatedBackPropagationIsTheDerivativeOverItsWindow) {
  for (const int window : {1, 3, 50}) {
    const Specification specification =
        SmallSpecification(GetParam(), MakePart("tbptt", {{"window", window}}));
    const std::vector<Record> records = Series(specification, 20);
    const Vector gradient = GradientAtEnd(specification, SmallWeights(specification), records);
    EXPECT_LT(Distance(gradient, Unrolled(specification, records, std::min(window, 20))), 1e-12)
        << "window " << window;
  }
}

TEST_P(EveryRuleOnCell, ImmediateIsBackPropagationOverOneStep) {
  const Vector one = GradientUnder(MakePart("tbptt", {{"window", 1}}), GetParam(), 15);
  EXPECT_LT(Distance(GradientUnder(kImmediate, GetParam(), 15), one), 1e-14);
}

TEST_P(EveryRuleOnCell, SparseRecurrenceWithAllNeighboursIsFullRecurrence) {
  const Vector exact = GradientUnder(kRtrl, GetParam(), 15);
  RuleDraws draws;
  draws.neighbours.assign(4, {0, 1, 2, 3});
  for (const char* mask : {"ring", "random", "oracle", "anti_oracle", "dynamic", "block"}) {
    const Vector gradient = GradientUnder(SparseRule(mask, 4, true), GetParam(), 15, draws);
    EXPECT_LT(Distance(gradient, exact), 1e-14) << mask;
  }
}

TEST_P(EveryRuleOnCell, SparseRecurrenceWithoutNeighboursAndSelfIsRflo) {
  if (GetParam().Text("reset", "after") == "before") return;  // weights reach other units at once
  const Vector rflo = GradientUnder(kRflo, GetParam(), 15);
  for (const char* mask : {"ring", "oracle", "dynamic"}) {
    const Vector gradient = GradientUnder(SparseRule(mask, 0, false), GetParam(), 15);
    EXPECT_LT(Distance(gradient, rflo), 1e-14) << mask;
  }
}

TEST_P(EveryRuleOnCell, SparseRecurrenceWithItselfAloneIsSnap1) {
  if (GetParam().Text("reset", "after") == "before") return;
  const Vector snap1 = GradientUnder(kSnap1, GetParam(), 15);
  EXPECT_LT(Distance(GradientUnder(SparseRule("ring", 0, true), GetParam(), 15), snap1), 1e-14);
  EXPECT_LT(Distance(GradientUnder(SparseRule("block", 1, true), GetParam(), 15), snap1), 1e-14);
}

TEST_P(EveryRuleOnCell, LocalRulesAreExactExactlyWhereUnitsReachNoOther) {
  const Vector exact = GradientUnder(kRtrl, GetParam(), 15);
  const double snap1 = Distance(GradientUnder(kSnap1, GetParam(), 15), exact);
  const double rflo = Distance(GradientUnder(kRflo, GetParam(), 15), exact);
  if (HasRecurrentWeights(GetParam())) {
    EXPECT_GT(snap1, 1e-3);
    EXPECT_GT(rflo, 1e-3);
  } else {
    EXPECT_LT(snap1, 1e-14);
    EXPECT_LT(rflo, 1e-14);
  }
}

TEST_P(EveryRuleOnCell, ABlockMaskIsExactOnBlocksOfItsSize) {
  const int blocks = GetParam().Integer("blocks", GetParam().Integer("heads", 1));
  if (blocks == 1) return;
  const Vector exact = GradientUnder(kRtrl, GetParam(), 15);
  EXPECT_LT(Distance(GradientUnder(SparseRule("block", 4 / blocks, true), GetParam(), 15), exact),
            1e-14);
}

TEST_P(EveryRuleOnCell, AfterAResetHistoryIsForgotten) {
  for (const Part& rule :
       {kImmediate, MakePart("immediate", {{"decay", 0.5}}), kRflo, kSnap1, kRtrl,
        SparseRule("oracle", 2, true), MakePart("tbptt", {{"window", 6}})}) {
    const Specification specification = SmallSpecification(GetParam(), rule);
    const Vector weights = SmallWeights(specification);
    std::vector<Record> records = Series(specification, 9);
    records[5].reset_before = true;
    const std::vector<Record> tail(records.begin() + 5, records.end());
    EXPECT_EQ(Distance(GradientAtEnd(specification, weights, records),
                       GradientAtEnd(specification, weights, tail)),
              0)
        << rule.name;
  }
}

TEST(ReferenceRules, StabilisersChangeNoExactGradient) {
  for (Part cell :
       {MakePart("slstm", {{"units", 4}, {"heads", 2}}), MakePart("rwkv", {{"units", 4}})}) {
    const Vector stabilised = GradientUnder(kRtrl, cell, 20);
    cell.numbers["stabilised"] = 0;
    EXPECT_LT(Distance(stabilised, GradientUnder(kRtrl, cell, 20)), 1e-12) << cell.name;
  }
}

TEST(ReferenceRules, RfloWithoutLeakIsImmediateAndWithOneATraceThatDecaysWithIt) {
  const Part leaky = MakePart("vanilla", {{"units", 4}, {"leak", 0.6}});
  const Part plain = MakePart("vanilla", {{"units", 4}, {"leak", 1}});
  EXPECT_LT(Distance(GradientUnder(kRflo, plain, 15), GradientUnder(kImmediate, plain, 15)), 1e-15);
  const Part trace = MakePart("immediate", {{"decay", 0.4}});
  EXPECT_LT(Distance(GradientUnder(kRflo, leaky, 15), GradientUnder(trace, leaky, 15)), 1e-15);
}

TEST(ReferenceRules, TheNormalisedTraceIsTheOtherTimesOneMinusDecay) {
  const Part cell = MakePart("lstm", {{"units", 4}});
  Vector expected = GradientUnder(MakePart("immediate", {{"decay", 0.8}}), cell, 15);
  const Vector gradient =
      GradientUnder(MakePart("immediate", {{"decay", 0.8}, {"normalised", 1}}), cell, 15);
  const auto of_cell = static_cast<std::size_t>(MakeCell(cell, 3)->shape().layout.Size());
  for (std::size_t place = 0; place < expected.size(); ++place) {
    if (place < of_cell) expected[place] *= 0.2;
  }
  EXPECT_LT(Distance(gradient, expected), 1e-14);
}

TEST(ReferenceRules, GivenFeedbackEqualToTheReadoutChangesNothing) {
  for (const Part& cell : {MakePart("lstm", {{"units", 4}}), MakePart("lru", {{"units", 4}})}) {
    const Specification specification = SmallSpecification(cell, kRflo);
    const RecurrentNetwork network(specification);
    const Vector weights = SmallWeights(specification);
    RuleDraws draws;
    const Block& readout = network.layout().Find("readout");
    for (int place = 0; place < readout.Size(); ++place) {
      draws.feedback.push_back(weights[readout.offset + place]);
    }
    EXPECT_LT(Distance(GradientUnder(kRflo, cell, 15, draws), GradientUnder(kRflo, cell, 15)),
              1e-15);
  }
}

TEST(ReferenceRules, BackPropagationSeesOldSlopesAndTheRecurrentWeightsOfNow) {
  const auto cell = MakeCell(MakePart("vanilla", {{"units", 1}, {"leak", 0.5}}), 1);
  const auto rule = MakeRule(MakePart("tbptt", {{"window", 2}}), cell, {});
  const Vector first = {0.8, 0.4, -0.2};  // W, U, b
  const Vector second = {0.7, 0.9, 0.1};
  const Vector start = {0.3};
  const Vector x = {2};
  const Local one = cell->Derive(first, start, x);
  rule->Advance({first, start, x, one, {}});
  const Local two = cell->Derive(second, one.next, x);
  rule->Advance({second, one.next, x, two, {}});
  const double phi1 = std::tanh(0.8 * 0.3 + 0.4 * 2 - 0.2);
  const double h1 = 0.5 * 0.3 + 0.5 * phi1;
  const double phi2 = std::tanh(0.7 * h1 + 0.9 * 2 + 0.1);
  const double slope1 = 0.5 * (1 - phi1 * phi1);
  const double slope2 = 0.5 * (1 - phi2 * phi2);
  const Vector gradient = rule->Gradient({1}, {});
  EXPECT_NEAR(gradient[0], slope2 * h1 + (0.5 + slope2 * 0.7) * slope1 * 0.3, 1e-15);
  const Vector third = {-0.6, 0.9, 0.1};
  rule->Advance({third, two.next, x, cell->Derive(third, two.next, x), {}});
  const double h2 = two.next[0];
  const double phi3 = std::tanh(-0.6 * h2 + 0.9 * 2 + 0.1);
  const double slope3 = 0.5 * (1 - phi3 * phi3);
  EXPECT_NEAR(rule->Gradient({1}, {})[0], slope3 * h2 + (0.5 + slope3 * -0.6) * slope2 * h1, 1e-15);
  const auto longer = MakeRule(MakePart("tbptt", {{"window", 3}}), cell, {});
  longer->Advance({first, start, x, one, {}});
  longer->Advance({second, one.next, x, two, {}});
  longer->Advance({third, two.next, x, cell->Derive(third, two.next, x), {}});
  const double back = (0.5 + slope3 * -0.6) * (0.5 + slope2 * -0.6);
  EXPECT_NEAR(longer->Gradient({1}, {})[0],
              slope3 * h2 + (0.5 + slope3 * -0.6) * slope2 * h1 + back * slope1 * 0.3, 1e-15);
}

}  // namespace
}  // namespace millrace::reference
