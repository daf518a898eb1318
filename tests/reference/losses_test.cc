// The reference's losses against values computed by hand and against central differences.
#include "tests/reference/losses.h"

#include <cmath>

#include "gtest/gtest.h"

namespace millrace::reference {
namespace {

const double kUnknown = std::nan("");

TEST(ReferenceLosses, AreTheOnesComputedByHand) {
  const LossResult squared = SquaredError({1, 4, 3}, {0, kUnknown, 5});
  EXPECT_DOUBLE_EQ(squared.loss, (1.0 + 4) / 2);
  EXPECT_EQ(squared.dz, (Vector{1, 0, -2}));
  const LossResult binary = BinaryCrossEntropy({0, 2}, {1, 0.25});
  EXPECT_DOUBLE_EQ(binary.loss, (std::log(2.0) + std::log(1 + std::exp(2.0)) - 0.5) / 2);
  EXPECT_DOUBLE_EQ(binary.dz[0], -0.25);
  const LossResult poisson = Poisson({std::log(2.0), 0}, {3, kUnknown});
  EXPECT_DOUBLE_EQ(poisson.loss, 2 - 3 * std::log(2.0));
  EXPECT_NEAR(poisson.dz[0], -1, 1e-15);
  const LossResult cross = CrossEntropy({std::log(3.0), 0}, {0, 1});
  EXPECT_DOUBLE_EQ(cross.loss, std::log(4.0));
  EXPECT_NEAR(cross.dz[0], 0.75, 1e-15);
}

TEST(ReferenceLosses, SlopesAreThoseOfCentralDifferences) {
  const Vector y = {0.3, -1.2, 2};
  for (const char* name :
       {"mean_squared_error", "cross_entropy", "binary_cross_entropy", "poisson"}) {
    const Vector target = {0.2, 0.5, 0.3};
    const LossResult at = LossOf(name, y, target);
    for (std::size_t k = 0; k < y.size(); ++k) {
      const double step = 1e-5;
      Vector up = y;
      Vector down = y;
      up[k] += step;
      down[k] -= step;
      const double difference =
          (LossOf(name, up, target).loss - LossOf(name, down, target).loss) / (2 * step);
      EXPECT_NEAR(at.dz[k], difference, 1e-8) << name;
    }
  }
}

TEST(ReferenceLosses, AnOutputThatIsNotKnownTakesNoPart) {
  for (const char* name : {"mean_squared_error", "binary_cross_entropy", "poisson"}) {
    const LossResult both = LossOf(name, {0.5, 7}, {1, kUnknown});
    const LossResult one = LossOf(name, {0.5}, {1});
    EXPECT_EQ(both.loss, one.loss) << name;
    EXPECT_EQ(both.dz, (Vector{one.dz[0], 0})) << name;
    EXPECT_EQ(both.known, (std::vector<bool>{true, false})) << name;
  }
}

TEST(ReferenceLosses, StayFiniteOnHugeLogits) {
  EXPECT_DOUBLE_EQ(BinaryCrossEntropy({-900}, {0}).loss, 0);
  EXPECT_DOUBLE_EQ(BinaryCrossEntropy({900}, {0}).loss, 900);
  EXPECT_DOUBLE_EQ(Poisson({900}, {0}).loss, 871 * std::exp(30));
  EXPECT_DOUBLE_EQ(Poisson({900}, {0}).dz[0], std::exp(30));
  EXPECT_DOUBLE_EQ(CrossEntropy({900, 0}, {1, 0}).loss, 0);
}

}  // namespace
}  // namespace millrace::reference
