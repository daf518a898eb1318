// The heads that the optimizer learns: shapes, initial weights, gradients by central differences.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "engine/heads/list.h"
#include "tests/support/numbers.h"

namespace millrace::engine {
namespace {

constexpr HeadShape kShape = {.cell_outputs = 5, .direct = 3};
constexpr std::int64_t kOutputs = 3;

std::unique_ptr<Head<double>> Make(const std::string& name, Settings settings,
                                   const HeadShape& shape = kShape) {
  settings["outputs"] = kOutputs;
  const absl::StatusOr<PartSpec> part = ResolvePart("head", {name, settings}, "");
  EXPECT_TRUE(part.ok()) << part.status();
  return MakeHead<double>(*part, shape);
}

std::vector<double> Drawn(std::int64_t count, std::uint64_t seed) {
  testing_support::Numbers numbers(seed);
  std::vector<double> values(static_cast<std::size_t>(count));
  for (double& value : values) value = numbers.Between(-1, 1);
  return values;
}

// dy . head(f).
double Project(const Head<double>& head, const std::vector<double>& theta,
               const std::vector<double>& f, const std::vector<double>& dy) {
  std::vector<double> y(static_cast<std::size_t>(kOutputs));
  head.Forward(theta.data(), f.data(), y.data());
  double sum = 0;
  for (std::size_t k = 0; k < y.size(); ++k) sum += dy[k] * y[k];
  return sum;
}

// d project / d at[i] by a central difference.
template <typename Projected>
double Slope(const Projected& project, std::vector<double>* at, std::size_t i) {
  constexpr double kStep = 1e-5;
  const double value = (*at)[i];
  (*at)[i] = value + kStep;
  const double up = project();
  (*at)[i] = value - kStep;
  const double down = project();
  (*at)[i] = value;
  return (up - down) / (2 * kStep);
}

TEST(HeadsTest, GradientsOfEveryTrainedHeadAgreeWithCentralDifferences) {
  for (const char* const name : {"linear", "mlp"}) {
    const auto head = Make(name, {});
    std::vector<double> theta = Drawn(head->parameters(), 1), f = Drawn(kShape.features(), 2);
    const std::vector<double> dy = Drawn(kOutputs, 3);
    std::vector<double> df(f.size()), g(theta.size());
    head->Backward(theta.data(), f.data(), dy.data(), df.data(), g.data());
    const auto project = [&] { return Project(*head, theta, f, dy); };
    for (std::size_t i = 0; i < theta.size(); ++i) {
      EXPECT_NEAR(g[i], Slope(project, &theta, i), 1e-9) << name << " weight " << i;
    }
    // The linear head hands back what flows into the cell only.
    const std::size_t handed = std::string(name) == "linear" ? 5 : f.size();
    for (std::size_t i = 0; i < handed; ++i) {
      EXPECT_NEAR(df[i], Slope(project, &f, i), 1e-9) << name << " feature " << i;
    }
  }
}

TEST(HeadsTest, BackwardDoesNotDependOnWhichForwardCameBefore) {
  const auto head = Make("mlp", {});
  const std::vector<double> theta = Drawn(head->parameters(), 1), f = Drawn(8, 2), dy = {1, -2, 3};
  const std::vector<double> other = Drawn(8, 9);
  std::vector<double> df(f.size()), g(theta.size()), df2(f.size()), g2(theta.size()), y(3);
  head->Forward(theta.data(), f.data(), y.data());
  head->Backward(theta.data(), f.data(), dy.data(), df.data(), g.data());
  head->Forward(theta.data(), other.data(), y.data());
  head->Backward(theta.data(), f.data(), dy.data(), df2.data(), g2.data());
  EXPECT_EQ(df, df2);
  EXPECT_EQ(g, g2);
}

TEST(HeadsTest, TheMlpStartsAsLeCunsNormalWithAReadoutOfItsGain) {
  const HeadShape shape = {.cell_outputs = 100};
  const auto head = Make("mlp", {{"hidden", std::int64_t{50}}, {"gain", 2.0}}, shape);
  std::vector<double> theta(static_cast<std::size_t>(head->parameters()), 7);
  head->Initialize(4, theta.data());
  const auto mean_square = [&](std::size_t first, std::size_t count) {
    double sum = 0;
    for (std::size_t i = first; i < first + count; ++i) sum += theta[i] * theta[i];
    return sum / static_cast<double>(count);
  };
  EXPECT_NEAR(mean_square(0, 5000), 1.0 / 100, 0.001);
  EXPECT_EQ(mean_square(5000, 50), 0);
  EXPECT_NEAR(mean_square(5050, 150), 4.0 / 50, 0.025);
  EXPECT_EQ(mean_square(5200, 3), 0);
}

TEST(HeadsTest, EveryHeadHasOutputsAndTheSettingsOfTheDirectFeatures) {
  for (const PartDescription& part : DescribeHeads()) {
    for (const char* const name : {"outputs", "direct", "filter_1", "filter_4"}) {
      bool found = false;
      for (const SettingDescription& setting : part.settings) found |= setting.name == name;
      EXPECT_TRUE(found) << part.name << "." << name;
    }
  }
}

}  // namespace
}  // namespace millrace::engine
