// The reference's closed-form heads against the sums they stand for.
#include <cmath>

#include "gtest/gtest.h"
#include "tests/reference/drawing.h"
#include "tests/reference/heads/head.h"
#include "tests/reference/online_learner.h"

namespace millrace::reference {
namespace {

const HeadShape kShape{2, 1, 2};  // k = 3 features, m = 2 outputs

// A ridge too small to matter, so that plain sums can be compared.
const std::map<std::string, double> kNoRidge = {
    {"forgetting", 0.9}, {"ridge", 1e-13}, {"prior_weight", 1}};

TEST(ReferenceClosedForm, LeastSquaresFindsTheLineThatMadeTheTargets) {
  const auto head = MakeHead(MakePart("least_squares", kNoRidge), kShape);
  Vector weights(8);
  Vector state = head->InitialState();
  Sequence sequence;
  for (int t = 0; t < 10; ++t) {
    const Vector f = sequence.Take(3);
    const Target target{{1 + 2 * f[0] - f[2], -3 * f[1]}, 1};
    head->Learn(f, target, 1, &weights, &state);
  }
  const Vector line = {2, 0, 0, -3, -1, 0, 1, 0};  // W [3, 2], then c
  for (std::size_t i = 0; i < line.size(); ++i) EXPECT_NEAR(weights[i], line[i], 1e-8);
}

// The normal equations of all targets with their forgotten weights, residuals orthogonal to the
// features: sum_t lambda^(T - t) w_t (t_t - W f_t) f_t = (what is there of the ridge) W.
TEST(ReferenceClosedForm, LeastSquaresLeavesNothingAlongAnyFeature) {
  const auto head = MakeHead(MakePart("least_squares", kNoRidge), kShape);
  Vector weights(8);
  Vector state = head->InitialState();
  Sequence sequence;
  std::vector<Vector> features;
  std::vector<Target> targets;
  for (int t = 0; t < 30; ++t) {
    features.push_back(sequence.Take(3));
    targets.push_back({sequence.Take(2), t % 3 == 0 ? 2.0 : 1.0});
    head->Learn(features.back(), targets.back(), targets.back().weight, &weights, &state);
  }
  Vector left(8);
  double share = 1;
  for (int t = 29; t >= 0; --t) {
    Vector f = features[t];
    const Target& target = targets[t];
    const Vector y = head->Forward(weights, f);
    f.push_back(1);
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t c = 0; c < 2; ++c) {
        left[i * 2 + c] += share * target.weight * f[i] * (target.values[c] - y[c]);
      }
    }
    share *= std::pow(0.9, target.weight);
  }
  for (const double value : left) EXPECT_NEAR(value, 0, 1e-8);
}

TEST(ReferenceClosedForm, TheRidgeGoesAroundAndIsForgotten) {
  // One feature and the bias, features that excite nothing but the bias: A_00 is the ridge alone.
  const auto head =
      MakeHead(MakePart("least_squares", {{"forgetting", 0.5}, {"ridge", 3}, {"prior_weight", 4}}),
               {1, 0, 1});
  Vector weights(2);
  Vector state = head->InitialState();
  EXPECT_EQ(state, (Vector{12, 0, 0, 12, 0}));
  head->Learn({1e-150}, {{0}, 1}, 1, &weights, &state);
  EXPECT_NEAR(state[0], 0.5 * 12 + 3 * 2, 1e-12);
  EXPECT_NEAR(state[3], 0.5 * 12 + 1, 1e-12);
  head->Learn({1e-150}, {{0}, 1}, 1, &weights, &state);
  EXPECT_NEAR(state[0], 0.5 * 12, 1e-12);
  EXPECT_NEAR(state[3], 0.5 * 7 + 1 + 3 * 2, 1e-12);
  head->Learn({1e-150}, {{0}, 1}, 1, &weights, &state);
  EXPECT_NEAR(state[0], 0.5 * 6 + 3 * 2, 1e-12);
  EXPECT_EQ(state[4], 1);
}

TEST(ReferenceClosedForm, AnOutputThatIsNotKnownKeepsItsColumnAndSilenceTeachesNothing) {
  const auto head = MakeHead(MakePart("least_squares"), kShape);
  Vector weights(8);
  Vector state = head->InitialState();
  head->Learn({1, -1, 0.5}, {{2, 3}, 1}, 1, &weights, &state);
  const Vector before = weights;
  head->Learn({0.2, 0.7, -0.5}, {{std::nan(""), 1}, 1}, 1, &weights, &state);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(weights[2 * i], before[2 * i]);
    EXPECT_NE(weights[2 * i + 1], before[2 * i + 1]);
  }
  const Vector held = state;
  head->Learn({0, 0, 0}, {{5, 5}, 1}, 1, &weights, &state);
  EXPECT_EQ(state, held);
}

TEST(ReferenceClosedForm, GaussianClassesWithoutForgettingAreFishersDiscriminant) {
  const auto head = MakeHead(
      MakePart("gaussian",
               {{"forgetting", 1}, {"mean_forgetting", 1}, {"ridge", 1e-13}, {"prior_weight", 1}}),
      kShape);
  Vector weights(8);
  Vector state = head->InitialState();
  Sequence sequence;
  std::vector<Vector> features;
  Matrix mean(2, 3);
  for (int t = 0; t < 20; ++t) {
    Vector f = sequence.Take(3);
    f[0] += t % 2;
    features.push_back(f);
    for (int i = 0; i < 3; ++i) mean(t % 2, i) += f[i] / 10;
    head->Learn(f, {t % 2 == 0 ? Vector{1, 0} : Vector{0, 1}, 1}, 1, &weights, &state);
  }
  Matrix covariance(3, 3);
  for (int t = 0; t < 20; ++t) {
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) {
        const Vector& f = features[t];
        covariance(i, j) += (f[i] - mean(t % 2, i)) * (f[j] - mean(t % 2, j)) / 20;
      }
    }
  }
  // covariance W_c = m_c, and the constant is -m_c . W_c / 2.
  for (int c = 0; c < 2; ++c) {
    double constant = 0;
    for (int i = 0; i < 3; ++i) {
      double product = 0;
      for (int j = 0; j < 3; ++j) {
        product += covariance(i, j) * weights[j * 2 + c];
      }
      EXPECT_NEAR(product, mean(c, i), 1e-9);
      constant -= mean(c, i) * weights[i * 2 + c] / 2;
    }
    EXPECT_NEAR(weights[6 + c], constant, 1e-9);
  }
}

TEST(ReferenceClosedForm, AClassThatWasNeverSeenHasOutputsOfZero) {
  const auto head = MakeHead(MakePart("gaussian"), kShape);
  Vector weights(8);
  Vector state = head->InitialState();
  head->Learn({1, 2, 3}, {{1, 0}, 1}, 1, &weights, &state);
  head->Learn({1, 0, 2}, {{1, 0}, 1}, 1, &weights, &state);
  EXPECT_EQ(head->Forward(weights, {3, 1, 4})[1], 0);
  EXPECT_NE(head->Forward(weights, {3, 1, 4})[0], 0);
}

TEST(ReferenceClosedForm, MeansForgetByTheirOwnTargets) {
  const auto head = MakeHead(MakePart("gaussian", {{"mean_forgetting", 0.5}}), {1, 0, 2});
  Vector weights(4);
  Vector state = head->InitialState();
  for (const double f : {1.0, 2.0}) head->Learn({f}, {{1, 0}, 1}, 1, &weights, &state);
  for (const double f : {7.0, 8.0}) head->Learn({f}, {{0, 1}, 1}, 1, &weights, &state);
  // n = 1, then 1.5: (0.5 * 1 + 2) / 1.5. State: A, turn, N, n [2], means [2].
  EXPECT_NEAR(state[3], 1.5, 1e-15);
  EXPECT_NEAR(state[5], 2.5 / 1.5, 1e-15);
}

TEST(ReferenceClosedForm, TheOptimizerLeavesTheReadoutAloneAndTheCellLearnsThroughIt) {
  Specification specification =
      SmallSpecification(MakePart("lru", {{"units", 3}}), MakePart("rtrl"));
  specification.head = MakePart("least_squares");
  const RecurrentNetwork network(specification);
  Vector weights = SmallWeights(specification);
  OnlineLearner learner(specification, weights);
  const std::vector<Record> records = Series(specification, 3);
  Specification by_rate = specification;
  by_rate.optimizer.numbers["rate_readout"] = 0;
  OnlineLearner without(by_rate, weights);
  for (const Record& record : records) {
    learner.Step(record, false);
    without.Step(record, false);
  }
  EXPECT_EQ(learner.weights(), without.weights());
  EXPECT_NE(learner.weights()[0], weights[0]);
}

}  // namespace
}  // namespace millrace::reference
