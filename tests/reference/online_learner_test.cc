// The reference's learner: gradients computed by hand, the heads' against differences, what waits,
// and what targets weigh.
#include "tests/reference/online_learner.h"

#include <cmath>

#include "gtest/gtest.h"
#include "tests/reference/drawing.h"

namespace millrace::reference {
namespace {

const Part kCell = MakePart("vanilla", {{"units", 4}, {"leak", 0.6}});

TEST(ReferenceLearner, OneStepOfTwoUnitsIsTheOneComputedByHand) {
  Specification specification =
      SmallSpecification(MakePart("vanilla", {{"units", 2}}), MakePart("immediate"));
  specification.input.size = specification.outputs = 1;
  // W = 0, U = (0.5, -1), b = (0, 0.5), V = (2, 1), c = 0.1; x = 1, target 0.
  const Vector weights{0, 0, 0, 0, 0.5, -1, 0, 0.5, 2, 1, 0.1};
  const double h0 = std::tanh(0.5);
  const double h1 = std::tanh(-0.5);
  const double dz = 2 * (2 * h0 + h1 + 0.1);
  const Vector gradient = OnlineLearner(specification, weights).GradientOf(MakeRecord({1}, {0}));
  const double d0 = dz * 2 * (1 - h0 * h0);
  const double d1 = dz * 1 * (1 - h1 * h1);
  const Vector expected{0, 0, 0, 0, d0, d1, d0, d1, dz * h0, dz * h1, dz};
  for (std::size_t place = 0; place < expected.size(); ++place) {
    EXPECT_NEAR(gradient[place], expected[place], 1e-15) << "weight " << place;
  }
}

TEST(ReferenceLearner, SecondStepOfATraceIsTheOneComputedByHand) {
  Specification specification = SmallSpecification(
      MakePart("vanilla", {{"units", 1}, {"leak", 0.5}}), MakePart("immediate", {{"decay", 0.25}}));
  specification.input.size = specification.outputs = 1;
  specification.head.numbers["bias"] = 0;
  const Vector weights{0.4, 0.3, 0.2, 1.5};  // W, U, b, V
  const double phi1 = std::tanh(0.3 * 2 + 0.2);
  const double h1 = 0.5 * phi1;
  const double phi2 = std::tanh(0.4 * h1 + 0.3 * -1 + 0.2);
  const double h2 = 0.5 * h1 + 0.5 * phi2;
  const double d1 = 0.5 * (1 - phi1 * phi1);
  const double d2 = 0.5 * (1 - phi2 * phi2);
  const double dz = 2 * (1.5 * h2 - 1);
  const Vector gradient =
      GradientAtEnd(specification, weights, {MakeRecord({2}, {0}), MakeRecord({-1}, {1})});
  EXPECT_NEAR(gradient[0], dz * 1.5 * (0.25 * d1 * 0 + d2 * h1), 1e-15);
  EXPECT_NEAR(gradient[1], dz * 1.5 * (0.25 * d1 * 2 + d2 * -1), 1e-15);
  EXPECT_NEAR(gradient[2], dz * 1.5 * (0.25 * d1 + d2), 1e-15);
  EXPECT_NEAR(gradient[3], dz * h2, 1e-15);
}

// Loss of the last record as a function of the weights, by forward passes alone.
double LossAtEnd(const Specification& specification, const Vector& weights,
                 const std::vector<Record>& records) {
  const RecurrentNetwork network(specification);
  Vector state(static_cast<std::size_t>(network.StateSize()));
  for (const Record& record : records) state = network.Next(weights, state, record.taken.z);
  const Vector y =
      network.Predict(weights, Contexts(specification.head), state, records.back().taken.z);
  return LossOf(specification.loss.name, y, records.back().target->values).loss;
}

TEST(ReferenceLearner, GradientsOfAllHeadsAndLossesAreThoseOfCentralDifferences) {
  const Part heads[] = {MakePart("linear"),
                        MakePart("linear", {{"bias", 0}, {"direct", 1}, {"filter_1", 3}}),
                        MakePart("mlp", {{"hidden", 5}}),
                        MakePart("mlp", {{"hidden", 5}, {"filter_1", 2}, {"filter_3", 7}})};
  for (const Part& head : heads) {
    for (const char* loss :
         {"mean_squared_error", "cross_entropy", "binary_cross_entropy", "poisson"}) {
      Specification specification =
          SmallSpecification(MakePart("lru", {{"units", 4}}), MakePart("rtrl"));
      specification.head = head;
      specification.loss = MakePart(loss);
      const Vector weights = SmallWeights(specification);
      const std::vector<Record> records = Series(specification, 8);
      const Vector gradient = GradientAtEnd(specification, weights, records);
      Vector differences;
      for (std::size_t place = 0; place < weights.size(); ++place) {
        const double step = 1e-6;
        Vector up = weights;
        Vector down = weights;
        up[place] += step;
        down[place] -= step;
        differences.push_back(
            (LossAtEnd(specification, up, records) - LossAtEnd(specification, down, records)) /
            (2 * step));
      }
      EXPECT_LT(Distance(gradient, differences), 1e-8) << Describe(head) << ", " << loss;
    }
  }
}

TEST(ReferenceLearner, TheTwoLayerHeadIsTheOneComputedByHand) {
  const auto head = MakeHead(MakePart("mlp", {{"hidden", 2}}), {1, 1, 1});
  // hidden [2, 2], its bias [2], readout [2, 1], its bias.
  const Vector y = head->Forward({1, -2, 0.5, 3, 0.25, -1, 2, -3, 0.1}, {0.5, -0.5});
  const double a0 = 1 * 0.5 - 0.5 * 0.5 + 0.25;
  const double a1 = -2 * 0.5 - 3 * 0.5 - 1;
  EXPECT_NEAR(y[0], 2 * a0 / (1 + std::exp(-a0)) - 3 * a1 / (1 + std::exp(-a1)) + 0.1, 1e-15);
}

TEST(ReferenceLearner, DirectFeaturesAreTheInputAndItsFilters) {
  Specification specification = SmallSpecification(kCell, MakePart("immediate"));
  specification.head = MakePart("linear", {{"direct", 1}, {"filter_1", 4}, {"filter_2", 0.5}});
  const RecurrentNetwork network(specification);
  EXPECT_EQ(network.layout().Find("direct").rows, 9);
  EXPECT_EQ(network.StateSize(), 4 + 6);
  const Vector weights = SmallWeights(specification);
  Vector state(10);
  state = network.Next(weights, state, {1, 2, 3});
  state = network.Next(weights, state, {3, 0, 0});
  const Vector features = network.Features(state, {3, 0, 0});
  // e = 1/4, then 1/4 + (3 - 1/4) / 4; a time constant below one step is none.
  EXPECT_EQ(Vector(features.begin() + 4, features.end()),
            (Vector{3, 0, 0, 0.25 + 2.75 / 4, 0.5 - 0.125, 0.75 - 0.1875, 3, 0, 0}));
}

TEST(ReferenceLearner, AnUnknownOutputTakesNoPart) {
  Specification specification = SmallSpecification(kCell, MakePart("immediate"));
  const Vector weights = SmallWeights(specification);
  std::vector<Record> records = Series(specification, 3);
  records.back().target->values[1] = std::nan("");
  const Vector gradient = GradientAtEnd(specification, weights, records);
  const Block bias = RecurrentNetwork(specification).layout().Find("readout_bias");
  EXPECT_EQ(gradient[bias.Place(0, 1)], 0);
  EXPECT_NE(gradient[bias.Place(0, 0)], 0);
}

TEST(ReferenceLearner, TheTargetsWeightMultipliesTheGradient) {
  const Specification specification = SmallSpecification(kCell, MakePart("snap1"));
  const Vector weights = SmallWeights(specification);
  std::vector<Record> records = Series(specification, 4);
  const Vector one = GradientAtEnd(specification, weights, records);
  records.back().target->weight = 2;
  const Vector two = GradientAtEnd(specification, weights, records);
  for (std::size_t place = 0; place < one.size(); ++place) EXPECT_EQ(two[place], 2 * one[place]);
}

TEST(ReferenceLearner, ARareClassWeighsMoreUpToFourTimesItsEvenShare) {
  Specification plain = SmallSpecification(kCell, MakePart("immediate"));
  plain.loss = MakePart("cross_entropy");
  Specification balanced = plain;
  balanced.loss.numbers = {{"balance_classes", 1}, {"balance_half_life", 1}};
  const Vector weights = SmallWeights(plain);
  std::vector<Record> records = Series(plain, 3);
  for (Record& record : records) record.target->values = {1, 0};
  const auto ratio = [&] {
    return GradientAtEnd(balanced, weights, records)[0] / GradientAtEnd(plain, weights, records)[0];
  };
  // Counts 1 + 1/2 + 1/4 and 0: half of it is the even share.
  EXPECT_NEAR(ratio(), 0.5, 1e-14);
  records.back().target->values = {0, 1};
  // 1/2 + 1/4 before, 1 now: (1.75 / 2) / 1.
  EXPECT_NEAR(ratio(), 0.875, 1e-14);
  balanced.loss.numbers["balance_half_life"] = 1e9;
  records = Series(plain, 20);
  for (Record& record : records) record.target->values = {1, 0};
  records.back().target->values = {0, 1};
  EXPECT_NEAR(ratio(), 4, 1e-14);
}

// Which blocks' rows changed in one step of Adam, as "block:row".
std::vector<std::string> Moved(const Specification& specification, const Record& record) {
  const Vector before = SmallWeights(specification);
  OnlineLearner learner(specification, before);
  learner.Step(MakeRecord({0.4, -0.3, 0.8}, {1, 1}), true);
  learner.Step(record, false);
  std::vector<std::string> moved;
  for (const Block& block : learner.network().layout().blocks()) {
    for (int row = 0; row < block.rows; ++row) {
      const auto at = static_cast<std::size_t>(block.Place(row, 0));
      if (learner.weights()[at] != before[at])
        moved.push_back(block.name + ":" + std::to_string(row));
    }
  }
  return moved;
}

TEST(ReferenceLearner, WeightsOfAMissingInputWaitInEveryBankOfFeatures) {
  Specification specification =
      SmallSpecification(MakePart("min_gru", {{"units", 2}}), MakePart("rtrl"));
  specification.optimizer = MakePart("adam");
  specification.head = MakePart("linear", {{"direct", 1}, {"filter_1", 5}});
  Record record = MakeRecord({0.5, 0, 0.25}, {1, 1});
  record.taken.present[1] = false;
  EXPECT_EQ(Moved(specification, record),
            (std::vector<std::string>{"update.input:0", "update.input:2", "update.bias:0",
                                      "candidate.input:0", "candidate.input:2", "candidate.bias:0",
                                      "readout:0", "readout:1", "readout_bias:0", "direct:0",
                                      "direct:2", "direct:3", "direct:5"}));
}

TEST(ReferenceLearner, UnderRmspropOnlyTheBytesOwnRowsMove) {
  Specification specification = SmallSpecification(kCell, MakePart("immediate"));
  specification.optimizer = MakePart("rmsprop");
  specification.input.bytes = true;
  const Record record = MakeRecord({0, 1, 0}, {1, 1});
  EXPECT_EQ(Moved(specification, record),
            (std::vector<std::string>{"recurrent:0", "recurrent:1", "recurrent:2", "recurrent:3",
                                      "input:1", "bias:0", "readout:0", "readout:1", "readout:2",
                                      "readout:3", "readout_bias:0"}));
}

TEST(ReferenceLearner, ACopyGoesItsOwnWay) {
  Specification specification = SmallSpecification(kCell, MakePart("rtrl"));
  const Vector weights = SmallWeights(specification);
  OnlineLearner learner(specification, weights);
  const std::vector<Record> records = Series(specification, 4);
  learner.Step(records[0], false);
  OnlineLearner copy(learner);
  learner.Step(records[1], false);
  const Vector gradient = learner.GradientOf(records[2]);
  copy.Step(records[3], false);
  EXPECT_EQ(Distance(gradient, learner.GradientOf(records[2])), 0);
  EXPECT_GT(Distance(copy.weights(), learner.weights()), 0);
}

}  // namespace
}  // namespace millrace::reference
