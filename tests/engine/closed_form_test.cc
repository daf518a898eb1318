// The heads in closed form against the solution of the whole batch, and what keeps them sound: no
// learning from silence, symmetric and positive in float32.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/heads/inverse_scatter.h"
#include "engine/heads/list.h"
#include "tests/support/numbers.h"

namespace millrace::engine {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
using Rows = std::vector<std::vector<double>>;

double Normal(testing_support::Numbers& numbers) {
  const double radius = std::sqrt(-2 * std::log(1 - numbers.Uniform()));
  return radius * std::cos(6.283185307179586 * numbers.Uniform());
}

// The solution X of A X = B by elimination with pivots. a [k, k], b [k, m].
Rows Solve(Rows a, Rows b) {
  const std::size_t k = a.size();
  for (std::size_t i = 0; i < k; ++i) {
    std::size_t pivot = i;
    for (std::size_t r = i + 1; r < k; ++r) {
      if (std::fabs(a[r][i]) > std::fabs(a[pivot][i])) pivot = r;
    }
    std::swap(a[i], a[pivot]);
    std::swap(b[i], b[pivot]);
    for (std::size_t r = 0; r < k; ++r) {
      const double factor = r == i ? 0 : a[r][i] / a[i][i];
      for (std::size_t c = 0; c < k; ++c) a[r][c] -= factor * a[i][c];
      for (std::size_t c = 0; c < b[r].size(); ++c) b[r][c] -= factor * b[i][c];
    }
  }
  for (std::size_t i = 0; i < k; ++i) {
    for (double& value : b[i]) value /= a[i][i];
  }
  return b;
}

Rows Diagonal(std::size_t k, double value) {
  Rows matrix(k, std::vector<double>(k, 0));
  for (std::size_t i = 0; i < k; ++i) matrix[i][i] = value;
  return matrix;
}

// matrix = kept matrix + share left right^T.
void Accumulate(double kept, double share, const std::vector<double>& left,
                const std::vector<double>& right, Rows* matrix) {
  for (std::size_t i = 0; i < left.size(); ++i) {
    for (std::size_t j = 0; j < right.size(); ++j) {
      (*matrix)[i][j] = kept * (*matrix)[i][j] + share * left[i] * right[j];
    }
  }
}

template <typename T>
struct Trained {
  Trained(const std::string& name, std::int64_t features, std::int64_t outputs,
          Settings settings = {}) {
    settings["outputs"] = outputs;
    const absl::StatusOr<PartSpec> part = ResolvePart("head", {name, settings}, "");
    EXPECT_TRUE(part.ok()) << part.status();
    head = MakeHead<T>(*part, {.cell_outputs = features});
    theta.assign(static_cast<std::size_t>(head->parameters()), T{9});
    state.assign(static_cast<std::size_t>(head->StateSize()), T{9});
    head->Initialize(1, theta.data());
    head->InitializeState(state.data());
  }
  bool Learn(const std::vector<T>& f, const std::vector<T>& values, double weight = 1) {
    const TargetRow<T> target{.kind = TargetKind::kValues, .values = values.data()};
    return head->Learn(f.data(), target, weight, theta.data(), state.data());
  }
  bool Learn(const std::vector<T>& f, std::int64_t label, double weight = 1) {
    const TargetRow<T> target{.kind = TargetKind::kClass, .label = label};
    return head->Learn(f.data(), target, weight, theta.data(), state.data());
  }
  std::vector<T> Outputs(const std::vector<T>& f) const {
    std::vector<T> y(static_cast<std::size_t>(head->outputs()));
    head->Forward(theta.data(), f.data(), y.data());
    return y;
  }

  std::unique_ptr<Head<T>> head;
  std::vector<T> theta, state;
};

std::vector<double> Features(testing_support::Numbers& numbers, std::size_t k) {
  std::vector<double> f(k);
  for (std::size_t i = 0; i < k; ++i) f[i] = Normal(numbers) + (i > 0 ? 0.5 * f[i - 1] : 1);
  return f;
}

void ExpectWeights(const Rows& expected, const std::vector<double>& theta, double tolerance) {
  const std::size_t m = expected[0].size();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    for (std::size_t c = 0; c < m; ++c) {
      EXPECT_NEAR(theta[i * m + c], expected[i][c], tolerance) << "weight " << i << ", " << c;
    }
  }
}

TEST(ClosedFormTest, LeastSquaresIsTheRidgeRegressionOfAllTargetsWhereNothingIsForgotten) {
  constexpr std::size_t kRows = 7;  // 6 features and the constant
  constexpr int kTargets = 20 * kRows;
  Trained<double> head("least_squares", 6, 2,
                       {{"forgetting", 1.0}, {"ridge", 0.1}, {"prior_weight", 10.0}});
  Rows a = Diagonal(kRows, 0.1 * (10 + kTargets)), b(kRows, {0, 0});
  testing_support::Numbers numbers(1);
  for (int t = 0; t < kTargets; ++t) {
    std::vector<double> f = Features(numbers, 6);
    const std::vector<double> y = {f[0] - 2 * f[3] + Normal(numbers), 3 + Normal(numbers)};
    ASSERT_TRUE(head.Learn(f, y));
    f.push_back(1);
    Accumulate(1, 1, f, f, &a);
    Accumulate(1, 1, f, y, &b);
  }
  ExpectWeights(Solve(a, b), head.theta, 1e-10);
}

TEST(ClosedFormTest, LeastSquaresIsTheWeightedRidgeSolutionWithForgetting) {
  constexpr std::size_t kRows = 6;
  Trained<double> head("least_squares", 5, 2,
                       {{"forgetting", 0.97}, {"ridge", 0.02}, {"prior_weight", 3.0}});
  Rows a = Diagonal(kRows, 0.06), b(kRows, {0, 0});
  testing_support::Numbers numbers(2);
  for (std::size_t t = 0; t < 400; ++t) {
    std::vector<double> f = Features(numbers, 5);
    const std::vector<double> y = {f[1] + Normal(numbers), Normal(numbers)};
    const double weight = t % 3 == 0 ? 1 : numbers.Between(0.1, 3);
    ASSERT_TRUE(head.Learn(f, y, weight));
    f.push_back(1);
    const double kept = std::pow(0.97, weight);
    Accumulate(kept, weight, f, f, &a);
    Accumulate(kept, weight, f, y, &b);
    a[t % kRows][t % kRows] += weight * 0.02 * kRows;
    if (t % 50 == 49) ExpectWeights(Solve(a, b), head.theta, 1e-8);
  }
}

TEST(ClosedFormTest, AnOutputThatIsNotKnownKeepsItsColumn) {
  Trained<double> head("least_squares", 2, 2);
  ASSERT_TRUE(head.Learn({1, 2}, {3, 4}));
  const std::vector<double> before = head.theta;
  ASSERT_TRUE(head.Learn({2, -1}, {5, kUnknown}));
  for (std::size_t i = 0; i < before.size(); i += 2) EXPECT_NE(head.theta[i], before[i]) << i;
  for (std::size_t i = 1; i < before.size(); i += 2) EXPECT_EQ(head.theta[i], before[i]) << i;
}

// Weight and mean of each class, scatter within classes: as the definitions have them.
struct Classes {
  Classes(std::size_t m, std::size_t k, double ridge)
      : weight(m, 0), mean(m, std::vector<double>(k, 0)), scatter(Diagonal(k, ridge)) {}

  // [k, m] S^-1 m_c, then the constants.
  Rows Discriminant() const {
    Rows means(scatter.size(), std::vector<double>(mean.size()));
    for (std::size_t i = 0; i < scatter.size(); ++i) {
      for (std::size_t c = 0; c < mean.size(); ++c) means[i][c] = total * mean[c][i];
    }
    Rows weights = Solve(scatter, means);
    std::vector<double> constants(mean.size(), 0);
    for (std::size_t c = 0; c < mean.size(); ++c) {
      for (std::size_t i = 0; i < scatter.size(); ++i) {
        constants[c] -= 0.5 * mean[c][i] * weights[i][c];
      }
    }
    weights.push_back(constants);
    return weights;
  }

  std::vector<double> weight;
  Rows mean;
  Rows scatter;
  double total = 0;
};

TEST(ClosedFormTest, GaussianClassesAreTheBatchDiscriminantWhereNothingIsForgotten) {
  constexpr std::size_t kFeatures = 5;
  constexpr int kTargets = 30 * kFeatures;
  Trained<double> head(
      "gaussian", kFeatures, 3,
      {{"forgetting", 1.0}, {"mean_forgetting", 1.0}, {"ridge", 0.05}, {"prior_weight", 4.0}});
  Classes classes(3, kFeatures, 0);
  testing_support::Numbers numbers(3);
  Rows samples;
  std::vector<std::size_t> labels;
  for (int t = 0; t < kTargets; ++t) {
    labels.push_back(static_cast<std::size_t>(numbers.Index(3)));
    samples.push_back(Features(numbers, kFeatures));
    samples.back()[labels.back()] += 1.5;
    ASSERT_TRUE(head.Learn(samples.back(), static_cast<std::int64_t>(labels.back())));
  }
  for (std::size_t t = 0; t < samples.size(); ++t) {
    ++classes.weight[labels[t]];
    for (std::size_t i = 0; i < kFeatures; ++i) classes.mean[labels[t]][i] += samples[t][i];
  }
  for (std::size_t c = 0; c < 3; ++c) {
    for (double& value : classes.mean[c]) value /= classes.weight[c];
  }
  classes.total = kTargets;
  classes.scatter = Diagonal(kFeatures, 0.05 * (4 + kTargets));
  for (std::size_t t = 0; t < samples.size(); ++t) {
    std::vector<double> d = samples[t];
    for (std::size_t i = 0; i < kFeatures; ++i) d[i] -= classes.mean[labels[t]][i];
    Accumulate(1, 1, d, d, &classes.scatter);
  }
  ExpectWeights(classes.Discriminant(), head.theta, 1e-9);
}

TEST(ClosedFormTest, GaussianClassesForgetMeansByTheirOwnTargetsAndTheScatterByAll) {
  constexpr std::size_t kFeatures = 4;
  Trained<double> head(
      "gaussian", kFeatures, 3,
      {{"forgetting", 0.98}, {"mean_forgetting", 0.9}, {"ridge", 0.05}, {"prior_weight", 4.0}});
  Classes classes(3, kFeatures, 0.2);
  testing_support::Numbers numbers(4);
  for (std::size_t t = 0; t < 300; ++t) {
    const std::size_t c = t < 100 ? t % 2 : static_cast<std::size_t>(numbers.Index(3));
    std::vector<double> f = Features(numbers, kFeatures);
    f[c] += 2;
    const double weight = t % 3 == 0 ? 1 : numbers.Between(0.1, 3);
    ASSERT_TRUE(head.Learn(f, static_cast<std::int64_t>(c), weight));

    // The mean of remembered and new, and the scatter of the two about it.
    const double before = std::pow(0.9, weight) * classes.weight[c];
    classes.weight[c] = before + weight;
    std::vector<double> apart = f;
    for (std::size_t i = 0; i < kFeatures; ++i) {
      apart[i] -= classes.mean[c][i];
      classes.mean[c][i] = (before * classes.mean[c][i] + weight * f[i]) / classes.weight[c];
    }
    const double kept = std::pow(0.98, weight);
    Accumulate(kept, before * weight / classes.weight[c], apart, apart, &classes.scatter);
    classes.scatter[t % kFeatures][t % kFeatures] += weight * 0.05 * kFeatures;
    classes.total = kept * classes.total + weight;
    if (t % 25 == 24) ExpectWeights(classes.Discriminant(), head.theta, 1e-8);
    if (t < 100) {
      EXPECT_EQ(head.Outputs({1, 2, 3, 4})[2], 0);
    }
  }
}

TEST(ClosedFormTest, AWeightForgetsAsSoManyTargetsButNeverAll) {
  EXPECT_EQ(Forgotten(0.97, 1), 0.97);
  EXPECT_NEAR(Forgotten(0.97, 2), 0.97 * 0.97, 1e-15);
  EXPECT_EQ(Forgotten(1, 1000), 1);
  EXPECT_EQ(Forgotten(0.5, 1e9), 1e-6);
}

TEST(ClosedFormTest, SilentFeaturesTeachNothing) {
  Trained<double> squares("least_squares", 3, 1), classes("gaussian", 3, 2);
  ASSERT_TRUE(squares.Learn({1, 2, 3}, std::vector<double>{1}));
  ASSERT_TRUE(classes.Learn({1, 2, 3}, 1));
  const Trained<double>& a = squares;
  const std::vector<double> theta = a.theta, state = a.state, other = classes.state;
  EXPECT_TRUE(squares.Learn({0, 0, 0}, std::vector<double>{5}));
  EXPECT_TRUE(classes.Learn({0, 0, 0}, 0));
  EXPECT_EQ(squares.theta, theta);
  EXPECT_EQ(squares.state, state);
  EXPECT_EQ(classes.state, other);
}

TEST(ClosedFormTest, FeaturesThatAreNotFiniteAreRefusedAndChangeNothing) {
  for (const double bad : {kUnknown, std::numeric_limits<double>::infinity(), 1e200}) {
    Trained<double> squares("least_squares", 2, 1), classes("gaussian", 2, 2);
    const std::vector<double> theta = squares.theta, state = squares.state;
    const std::vector<double> theta2 = classes.theta, state2 = classes.state;
    EXPECT_FALSE(squares.Learn({1, bad}, std::vector<double>{5}));
    EXPECT_FALSE(classes.Learn({1, bad}, 0) && classes.Learn({1, 1}, 0));
    EXPECT_EQ(squares.theta, theta) << bad;
    EXPECT_EQ(squares.state, state) << bad;
    EXPECT_EQ(classes.theta, theta2) << bad;
    EXPECT_EQ(classes.state, state2) << bad;
  }
}

TEST(ClosedFormTest, WeightsThatAreNotFiniteTakeNoTarget) {
  Trained<double> head("least_squares", 2, 1);
  head.theta[1] = std::numeric_limits<double>::infinity();
  const std::vector<double> theta = head.theta, state = head.state;
  EXPECT_FALSE(head.Learn({1, 2}, std::vector<double>{5}));
  EXPECT_EQ(head.theta, theta);
  EXPECT_EQ(head.state, state);
}

// Of a symmetric matrix: whether it is positive definite, by Cholesky's factors.
bool Positive(Rows a) {
  for (std::size_t j = 0; j < a.size(); ++j) {
    for (std::size_t k = 0; k < j; ++k) a[j][j] -= a[j][k] * a[j][k];
    if (!(a[j][j] > 0)) return false;
    a[j][j] = std::sqrt(a[j][j]);
    for (std::size_t i = j + 1; i < a.size(); ++i) {
      for (std::size_t k = 0; k < j; ++k) a[i][j] -= a[i][k] * a[j][k];
      a[i][j] /= a[j][j];
    }
  }
  return true;
}

TEST(ClosedFormTest, AHundredThousandTargetsInFloat32KeepTheInverseSymmetricPositiveAndBounded) {
  constexpr std::size_t kFeatures = 24, kSilent = 6;
  const Settings settings = {
      {"forgetting", 0.998}, {"ridge", 0.01}, {"mean_forgetting", 0.99}, {"prior_weight", 50.0}};
  Trained<float> single("gaussian", kFeatures, 3, settings);
  Trained<double> exact("gaussian", kFeatures, 3, settings);
  testing_support::Numbers numbers(5);
  for (int t = 0; t < 100000; ++t) {
    // Strongly correlated features, and channels that say nothing.
    std::vector<double> f = Features(numbers, kFeatures);
    const std::int64_t label = numbers.Index(3);
    f[static_cast<std::size_t>(label)] += 2;
    for (std::size_t i = kFeatures - kSilent; i < kFeatures; ++i) f[i] = 0;
    for (double& value : f) value = static_cast<float>(value);
    ASSERT_TRUE(single.Learn(std::vector<float>(f.begin(), f.end()), label));
    ASSERT_TRUE(exact.Learn(f, label));
  }
  Rows p(kFeatures, std::vector<double>(kFeatures));
  double trace = 0;
  for (std::size_t i = 0; i < kFeatures; ++i) {
    for (std::size_t j = 0; j < kFeatures; ++j) {
      p[i][j] = static_cast<double>(single.state[i * kFeatures + j]);
      EXPECT_EQ(single.state[i * kFeatures + j], single.state[j * kFeatures + i]);
    }
    trace += p[i][i];
  }
  EXPECT_TRUE(Positive(p));
  // k / (ridge N), N = 1 / (1 - forgetting) = 500, with what a turn of the ridge loses.
  EXPECT_LT(trace, 1.1 * kFeatures / (0.01 * 500));
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < exact.theta.size(); ++i) {
    largest = std::fmax(largest, std::fabs(exact.theta[i]));
    difference =
        std::fmax(difference, std::fabs(static_cast<double>(single.theta[i]) - exact.theta[i]));
  }
  EXPECT_LT(difference / largest, 1e-3);
}

}  // namespace
}  // namespace millrace::engine
