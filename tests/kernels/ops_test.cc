// Each operation against a naive one in long double, and the cases a formula does not show.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/ops.h"
#include "tests/kernels/cases.h"
#include "tests/kernels/naive.h"

namespace millrace::kernels {
namespace {

template <typename Step>
class Operation : public ::testing::Test {};
TYPED_TEST_SUITE(Operation, AllSteps, StepNames);

TYPED_TEST(Operation, AgreesWithANaiveOneAndTouchesNothingElse) {
  using T = typename Case<TypeParam>::T;
  for (const Shape& shape : AllShapes()) {
    SCOPED_TRACE(::testing::Message() << shape);
    Case<TypeParam> ours(shape);
    Case<TypeParam> wanted(shape);
    RunOnCpu(ours.StepInPlace());
    naive::Run(wanted.StepInPlace());
    // Elements are at most 4 in size. A sum of terms of random sign is off by about the root of
    // their number, one of squares in proportion to itself and to the length of a lane.
    const double elements = static_cast<double>(shape.k * shape.n);
    const double absolute = 8 + 8 * std::sqrt(elements);
    const double relative = 2 + elements / 64;
    for (std::size_t i = 0; i < ours.memory().size(); ++i) {
      const T got = ours.memory()[i];
      const T expected = wanted.memory()[i];
      if (got == expected) continue;
      const double tolerance = std::numeric_limits<T>::epsilon() *
                               (absolute + relative * static_cast<double>(std::fabs(expected)));
      ASSERT_LE(std::fabs(got - expected), tolerance) << "element " << i;
    }
  }
}

template <typename T>
class Edge : public ::testing::Test {};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Edge, Reals);

TYPED_TEST(Edge, AMapWithoutInputsGivesZeros) {
  std::vector<TypeParam> out(40, TypeParam(5));
  MatVec<TypeParam>(nullptr, nullptr, 0, 40, out.data());
  EXPECT_EQ(out, std::vector<TypeParam>(40));
}

TYPED_TEST(Edge, SumsOverNothingAreZero) {
  EXPECT_EQ(Dot<TypeParam>(nullptr, nullptr, 0), TypeParam(0));
  EXPECT_EQ(SumSquares<TypeParam>(nullptr, 0), TypeParam(0));
  EXPECT_TRUE(AllFinite<TypeParam>(nullptr, 0));
}

TYPED_TEST(Edge, OneBadElementAnywhereIsFound) {
  using Limits = std::numeric_limits<TypeParam>;
  std::vector<TypeParam> x(37, Limits::max());
  ASSERT_TRUE(AllFinite(x.data(), 37));
  for (const TypeParam bad : {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN()}) {
    for (TypeParam& element : x) {
      element = bad;
      EXPECT_FALSE(AllFinite(x.data(), 37)) << &element - x.data();
      element = TypeParam(0);
    }
  }
}

TYPED_TEST(Edge, TheNewStateMayReplaceTheOldOne) {
  std::vector<TypeParam> a = {-3, -1, 0, 1, 3};
  std::vector<TypeParam> h = {1, 2, 3, 4, 5};
  std::vector<TypeParam> fresh(5), slope(5), slope_in_place(5);
  LeakyTanh(a.data(), h.data(), TypeParam(0.25), 5, fresh.data(), slope.data());
  LeakyTanh(a.data(), h.data(), TypeParam(0.25), 5, h.data(), slope_in_place.data());
  EXPECT_EQ(h, fresh);
  EXPECT_EQ(slope_in_place, slope);
}

TYPED_TEST(Edge, SoftmaxInPlaceAddsUpToOneForLargeLogits) {
  std::vector<TypeParam> z = {1000, 999, -1000, 0, 1000};
  Softmax(z.data(), 5, z.data());
  TypeParam total = 0;
  for (const TypeParam probability : z) total += probability;
  EXPECT_NEAR(total, 1, 1e-6);
  EXPECT_NEAR(z[0] / z[1], std::exp(1.0), 1e-5);
  EXPECT_EQ(z[0], z[4]);
  EXPECT_EQ(z[2], TypeParam(0));
}

TYPED_TEST(Edge, LogSumExpOfLargeValuesStaysFinite) {
  const std::vector<TypeParam> z = {1000, 1000};
  EXPECT_NEAR(LogSumExp(z.data(), 2), 1000 + std::log(2.0), 1e-4);
}

TYPED_TEST(Edge, EpsilonInsideTheRootBoundsTheFirstStep) {
  UpdateRates<TypeParam> rates = TestRates<TypeParam>();
  rates.correction2 = 1;
  rates.epsilon = TypeParam(0.25);
  for (const bool inside : {false, true}) {
    rates.epsilon_inside = inside;
    TypeParam v = TypeParam(0.75);
    TypeParam g = 0;
    rates.beta2 = 1;
    Change(UpdateKind::kRmsprop, rates, {.p = 1, .second = &v, .g = &g});
    EXPECT_EQ(v, TypeParam(0.75));
    EXPECT_EQ(g, TypeParam(0));
    g = 1;
    Change(UpdateKind::kRmsprop, rates, {.p = 1, .second = &v, .g = &g});
    const double denominator = inside ? 1.0 : std::sqrt(0.75) + 0.25;
    EXPECT_NEAR(g, -0.01 / denominator, 1e-8);
  }
}

TYPED_TEST(Edge, AFirstStepFromEmptySlotsHasTheSizeOfTheRate) {
  UpdateRates<TypeParam> rates = TestRates<TypeParam>();
  rates.weight_decay = 0;
  rates.correction1 = 1 - rates.beta1;
  rates.correction2 = 1 - rates.beta2;
  for (const TypeParam gradient : {TypeParam(1e-3), TypeParam(-40)}) {
    TypeParam theta = 3;
    TypeParam m = 0;
    TypeParam v = 0;
    TypeParam g = gradient;
    Change(UpdateKind::kAdam, rates, {1, &theta, &m, &v, &g});
    EXPECT_NEAR(g, gradient > 0 ? -0.01 : 0.01, 2e-5);
  }
}

TYPED_TEST(Edge, WeightDecayPullsTowardsZeroWithoutAGradient) {
  const UpdateRates<TypeParam> rates = TestRates<TypeParam>();
  TypeParam theta = 3;
  TypeParam m = 0;
  TypeParam v = 0;
  TypeParam g = 0;
  Change(UpdateKind::kAdam, rates, {1, &theta, &m, &v, &g});
  EXPECT_NEAR(g, -0.01 * 0.1 * 3, 1e-9);
}

}  // namespace
}  // namespace millrace::kernels
