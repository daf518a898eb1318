// The reference's gradients against hand-computed cases, central differences, and each other in the
// limits where theory says that two rules are one.
#include <cmath>
#include <functional>

#include "gtest/gtest.h"
#include "tests/reference/learner.h"

namespace millrace::reference {
namespace {

// Numbers without pattern, the same in every run.
class Sequence {
 public:
  double Next() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<double>(state_ >> 11) / 9007199254740992.0 * 2 - 1;
  }
  Vector Take(int count) {
    Vector values(count);
    for (double& value : values) value = Next();
    return values;
  }

 private:
  std::uint64_t state_ = 42;
};

Design SmallDesign(RuleKind rule) {
  Design design;
  design.shape = Shape{4, 3, 2, true};
  design.leak = 0.6;
  design.input.size = 3;
  design.rule.kind = rule;
  design.clip_norm = 0;
  return design;
}

Record MakeRecord(const Vector& z, const Vector& target) {
  Record record;
  record.taken = Taken{z, std::vector<bool>(z.size(), true)};
  record.closed = true;
  record.target = Target{target, 1};
  return record;
}

std::vector<Record> Series(const Design& design, int steps) {
  Sequence sequence;
  std::vector<Record> records;
  for (int t = 0; t < steps; ++t) {
    Vector target = sequence.Take(design.shape.outputs);
    if (design.loss == LossKind::kCrossEntropy) target = Softmax(target);
    records.push_back(MakeRecord(sequence.Take(design.shape.inputs), target));
  }
  return records;
}

// Gradient of the last record after the others went by with weights held.
Vector GradientAtEnd(const Design& design, const Vector& weights, std::vector<Record> records) {
  Learner learner(design, weights);
  const Record last = records.back();
  records.pop_back();
  for (Record& record : records) {
    record.score_only = true;
    learner.Step(record, false);
  }
  return learner.GradientOf(last);
}

// Loss of the last record as a function of the weights: all history, or the last step alone with
// the hidden state of the given weights before it.
double LossAtEnd(const Design& design, const Vector& weights, const Vector& history_weights,
                 const std::vector<Record>& records) {
  Vector h(design.shape.units);
  for (std::size_t t = 0; t < records.size(); ++t) {
    const Vector& used = t + 1 < records.size() ? history_weights : weights;
    h = StepCell(design.shape, used, design.leak, h, records[t].taken.z).h;
  }
  return LossOf(design.loss, Readout(design.shape, weights, h), *records.back().target).loss;
}

Vector CentralDifferences(const Vector& weights, const std::function<double(const Vector&)>& loss) {
  Vector gradient(weights.size());
  for (std::size_t place = 0; place < weights.size(); ++place) {
    const double step = 1e-6;
    Vector moved = weights;
    moved[place] = weights[place] + step;
    const double up = loss(moved);
    moved[place] = weights[place] - step;
    gradient[place] = (up - loss(moved)) / (2 * step);
  }
  return gradient;
}

double Distance(const Vector& a, const Vector& b) {
  double difference = 0;
  double size = 0;
  EXPECT_EQ(a.size(), b.size());
  for (std::size_t place = 0; place < a.size(); ++place) {
    difference += (a[place] - b[place]) * (a[place] - b[place]);
    size += b[place] * b[place];
  }
  return std::sqrt(difference / size);
}

TEST(ReferenceGradients, OneStepOfTwoUnitsIsTheOneComputedByHand) {
  Design design;
  design.shape = Shape{2, 1, 1, true};
  design.input.size = 1;
  design.clip_norm = 0;
  // W = 0, U = (0.5, -1), b = (0, 0.5), V = (2, 1), c = 0.1; x = 1, target 0.
  const Vector weights{0, 0, 0, 0, 0.5, -1, 0, 0.5, 2, 1, 0.1};
  const double h0 = std::tanh(0.5);
  const double h1 = std::tanh(-0.5);
  const double dz = 2 * (2 * h0 + h1 + 0.1);
  const Learner learner(design, weights);
  const Vector gradient = learner.GradientOf(MakeRecord({1}, {0}));
  const double d0 = dz * 2 * (1 - h0 * h0);
  const double d1 = dz * 1 * (1 - h1 * h1);
  const Vector expected{0, 0, 0, 0, d0, d1, d0, d1, dz * h0, dz * h1, dz};
  for (std::size_t place = 0; place < expected.size(); ++place) {
    EXPECT_NEAR(gradient[place], expected[place], 1e-15) << "weight " << place;
  }
}

TEST(ReferenceGradients, SecondStepOfATraceIsTheOneComputedByHand) {
  Design design;
  design.shape = Shape{1, 1, 1, false};
  design.leak = 0.5;
  design.input.size = 1;
  design.rule.decay = 0.25;
  design.clip_norm = 0;
  const Vector weights{0.4, 0.3, 0.2, 1.5};  // W, U, b, V
  const double phi1 = std::tanh(0.3 * 2 + 0.2);
  const double h1 = 0.5 * phi1;
  const double phi2 = std::tanh(0.4 * h1 + 0.3 * -1 + 0.2);
  const double h2 = 0.5 * h1 + 0.5 * phi2;
  const double d1 = 0.5 * (1 - phi1 * phi1);
  const double d2 = 0.5 * (1 - phi2 * phi2);
  const double dz = 2 * (1.5 * h2 - 1);
  const Vector gradient =
      GradientAtEnd(design, weights, {MakeRecord({2}, {0}), MakeRecord({-1}, {1})});
  EXPECT_NEAR(gradient[0], dz * 1.5 * (0.25 * d1 * 0 + d2 * h1), 1e-15);
  EXPECT_NEAR(gradient[1], dz * 1.5 * (0.25 * d1 * 2 + d2 * -1), 1e-15);
  EXPECT_NEAR(gradient[2], dz * 1.5 * (0.25 * d1 + d2), 1e-15);
  EXPECT_NEAR(gradient[3], dz * h2, 1e-15);
}

class LossKinds : public testing::TestWithParam<LossKind> {};
INSTANTIATE_TEST_SUITE_P(Both, LossKinds,
                         testing::Values(LossKind::kSquaredError, LossKind::kCrossEntropy));

TEST_P(LossKinds, FullRecurrenceIsTheDerivativeOverAllHistory) {
  Design design = SmallDesign(RuleKind::kRtrl);
  design.loss = GetParam();
  const Vector weights = Sequence().Take(design.shape.Size());
  const std::vector<Record> records = Series(design, 12);
  const Vector differences = CentralDifferences(
      weights, [&](const Vector& moved) { return LossAtEnd(design, moved, moved, records); });
  EXPECT_LT(Distance(GradientAtEnd(design, weights, records), differences), 1e-8);
}

TEST_P(LossKinds, ImmediateIsTheDerivativeWithTheStateBeforeHeld) {
  Design design = SmallDesign(RuleKind::kImmediate);
  design.loss = GetParam();
  const Vector weights = Sequence().Take(design.shape.Size());
  const std::vector<Record> records = Series(design, 12);
  const Vector differences = CentralDifferences(
      weights, [&](const Vector& moved) { return LossAtEnd(design, moved, weights, records); });
  EXPECT_LT(Distance(GradientAtEnd(design, weights, records), differences), 1e-8);
}

// W as the test wants it, everything else without pattern.
Vector WithRecurrent(const Shape& shape, const std::function<double(int, int)>& entry) {
  Vector weights = Sequence().Take(shape.Size());
  for (int i = 0; i < shape.units; ++i) {
    for (int j = 0; j < shape.units; ++j) weights[shape.W(i, j)] = entry(i, j);
  }
  return weights;
}

TEST(ReferenceGradients, Snap1IsExactWhereUnitsFeedOnlyThemselves) {
  const Design snap = SmallDesign(RuleKind::kSnap1);
  const Vector weights =
      WithRecurrent(snap.shape, [](int i, int j) { return i == j ? 0.3 * i - 0.5 : 0.0; });
  const std::vector<Record> records = Series(snap, 15);
  const Vector exact = GradientAtEnd(SmallDesign(RuleKind::kRtrl), weights, records);
  // Weights between units reach others only through W, which is diagonal: exact in every place.
  EXPECT_LT(Distance(GradientAtEnd(snap, weights, records), exact), 1e-14);
}

TEST(ReferenceGradients, RfloIsExactWithoutRecurrentWeights) {
  const Design rflo = SmallDesign(RuleKind::kRflo);
  const Vector weights = WithRecurrent(rflo.shape, [](int, int) { return 0.0; });
  const std::vector<Record> records = Series(rflo, 15);
  const Vector exact = GradientAtEnd(SmallDesign(RuleKind::kRtrl), weights, records);
  EXPECT_LT(Distance(GradientAtEnd(rflo, weights, records), exact), 1e-14);
}

TEST(ReferenceGradients, RfloWithoutLeakIsImmediate) {
  Design rflo = SmallDesign(RuleKind::kRflo);
  Design immediate = SmallDesign(RuleKind::kImmediate);
  rflo.leak = immediate.leak = 1;
  const Vector weights = Sequence().Take(rflo.shape.Size());
  const std::vector<Record> records = Series(rflo, 15);
  EXPECT_LT(
      Distance(GradientAtEnd(rflo, weights, records), GradientAtEnd(immediate, weights, records)),
      1e-15);
}

TEST(ReferenceGradients, RfloIsATraceThatDecaysWithTheLeak) {
  const Design rflo = SmallDesign(RuleKind::kRflo);
  Design trace = SmallDesign(RuleKind::kImmediate);
  trace.rule.decay = 1 - trace.leak;
  const Vector weights = Sequence().Take(rflo.shape.Size());
  const std::vector<Record> records = Series(rflo, 15);
  EXPECT_LT(Distance(GradientAtEnd(rflo, weights, records), GradientAtEnd(trace, weights, records)),
            1e-15);
}

TEST(ReferenceGradients, NormalisedTraceIsTheOtherTimesOneMinusDecay) {
  Design plain = SmallDesign(RuleKind::kImmediate);
  plain.rule.decay = 0.8;
  Design normalised = plain;
  normalised.rule.normalised = true;
  const Vector weights = Sequence().Take(plain.shape.Size());
  const std::vector<Record> records = Series(plain, 15);
  const Vector expected = GradientAtEnd(plain, weights, records);
  const Vector gradient = GradientAtEnd(normalised, weights, records);
  for (int place = 0; place < plain.shape.CellSize(); ++place) {
    EXPECT_NEAR(gradient[place], 0.2 * expected[place], 1e-15 + 1e-14 * std::abs(expected[place]));
  }
}

TEST(ReferenceGradients, GivenFeedbackEqualToTheReadoutChangesNothing) {
  const Design readout = SmallDesign(RuleKind::kRflo);
  const Vector weights = Sequence().Take(readout.shape.Size());
  Design random = readout;
  random.rule.feedback.resize(4 * 2);
  for (int i = 0; i < 4; ++i) {
    for (int k = 0; k < 2; ++k) {
      random.rule.feedback[i * 2 + k] = weights[readout.shape.V(k, i)];
    }
  }
  const std::vector<Record> records = Series(readout, 15);
  EXPECT_EQ(
      Distance(GradientAtEnd(random, weights, records), GradientAtEnd(readout, weights, records)),
      0);
}

TEST(ReferenceGradients, AfterAResetHistoryIsForgotten) {
  for (const RuleKind rule :
       {RuleKind::kImmediate, RuleKind::kRflo, RuleKind::kSnap1, RuleKind::kRtrl}) {
    const Design design = SmallDesign(rule);
    const Vector weights = Sequence().Take(design.shape.Size());
    std::vector<Record> records = Series(design, 9);
    records[5].reset_before = true;
    const std::vector<Record> tail(records.begin() + 5, records.end());
    EXPECT_EQ(
        Distance(GradientAtEnd(design, weights, records), GradientAtEnd(design, weights, tail)), 0);
  }
}

TEST(ReferenceGradients, AnUnknownOutputTakesNoPart) {
  Design design = SmallDesign(RuleKind::kImmediate);
  const Vector weights = Sequence().Take(design.shape.Size());
  std::vector<Record> records = Series(design, 3);
  records.back().target->values[1] = std::nan("");
  const Vector gradient = GradientAtEnd(design, weights, records);
  EXPECT_EQ(gradient[design.shape.C(1)], 0);
  Vector h(design.shape.units);
  for (const Record& record : records) {
    h = StepCell(design.shape, weights, design.leak, h, record.taken.z).h;
  }
  const Vector y = Readout(design.shape, weights, h);
  EXPECT_NEAR(gradient[design.shape.C(0)], 2 * (y[0] - records.back().target->values[0]), 1e-15);
}

TEST(ReferenceGradients, TheTargetsWeightMultipliesTheGradient) {
  Design design = SmallDesign(RuleKind::kSnap1);
  const Vector weights = Sequence().Take(design.shape.Size());
  std::vector<Record> records = Series(design, 4);
  const Vector one = GradientAtEnd(design, weights, records);
  records.back().target->weight = 2;
  const Vector two = GradientAtEnd(design, weights, records);
  for (std::size_t place = 0; place < one.size(); ++place) EXPECT_EQ(two[place], 2 * one[place]);
}

TEST(ReferenceGradients, ARareClassWeighsMoreUpToFourTimesItsEvenShare) {
  Design design = SmallDesign(RuleKind::kImmediate);
  design.loss = LossKind::kCrossEntropy;
  Design balanced = design;
  balanced.balance_classes = true;
  balanced.balance_half_life = 1;
  const Vector weights = Sequence().Take(design.shape.Size());
  std::vector<Record> records = Series(design, 3);
  for (Record& record : records) record.target->values = {1, 0};
  const auto ratio = [&] {
    return GradientAtEnd(balanced, weights, records)[0] /
           GradientAtEnd(design, weights, records)[0];
  };
  // Counts 1 + 1/2 + 1/4 and 0: half of it is the even share.
  EXPECT_NEAR(ratio(), 0.5, 1e-14);
  records.back().target->values = {0, 1};
  // 1/2 + 1/4 before, 1 now: (1.75 / 2) / 1.
  EXPECT_NEAR(ratio(), 0.875, 1e-14);
  balanced.balance_half_life = 1e9;
  records = Series(design, 20);
  for (Record& record : records) record.target->values = {1, 0};
  records.back().target->values = {0, 1};
  EXPECT_NEAR(ratio(), 4, 1e-14);
}

}  // namespace
}  // namespace millrace::reference
