// The scalar functions against long double: error bounds over the whole range, and the special
// values. The bounds stated here are those of kernels/README.md.

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include "gtest/gtest.h"
#include "kernels/math/complex.h"
#include "kernels/math/exp.h"
#include "kernels/math/expm1.h"
#include "kernels/math/inverse_root.h"
#include "kernels/math/log.h"
#include "kernels/math/real.h"
#include "kernels/math/sigmoid.h"
#include "kernels/math/slopes.h"
#include "kernels/math/sqrt.h"

namespace millrace::kernels {
namespace {

using Wide = long double;

// |got - wanted| in units in the last place of the correctly rounded result; infinite where one of
// them is NaN or infinite and the other is not the same.
template <typename T>
double UlpError(T got, Wide wanted) {
  const T rounded = static_cast<T>(wanted);
  if (std::isnan(rounded) && std::isnan(got)) return 0;
  if (!std::isfinite(rounded) || !std::isfinite(got)) {
    return got == rounded ? 0 : std::numeric_limits<double>::infinity();
  }
  const T magnitude = std::fabs(rounded);
  // The largest finite number has no neighbour above; its spacing is that below it.
  const Wide above = std::nextafter(magnitude, std::numeric_limits<T>::infinity());
  const Wide spacing = std::isfinite(above) ? above - Wide(magnitude)
                                            : Wide(magnitude) - std::nextafter(magnitude, T(0));
  return static_cast<double>(std::fabs(Wide(got) - wanted) / spacing);
}

struct Worst {
  double ulp = 0;
  double at = 0;
};

template <typename T, typename F, typename G>
void Check(T x, const F& function, const G& wanted, Worst& worst) {
  const double ulp = UlpError<T>(function(x), wanted(Wide(x)));
  if (ulp > worst.ulp) worst = {ulp, static_cast<double>(x)};
}

// Every 397th bit pattern of float: all exponents, both signs, infinities, NaN, denormals.
template <typename F, typename G>
Worst WorstOverFloats(const F& function, const G& wanted) {
  Worst worst;
  for (std::uint64_t bits = 0; bits <= 0xffffffffu; bits += 397) {
    Check(FromBits<float>(static_cast<std::uint32_t>(bits)), function, wanted, worst);
  }
  return worst;
}

// Random bit patterns, and uniform ones over (-radius, radius) for several radii.
template <typename F, typename G>
Worst WorstOverDoubles(const F& function, const G& wanted) {
  Worst worst;
  std::mt19937_64 random(7);
  for (int i = 0; i < 500000; ++i) {
    Check(FromBits<double>(random()), function, wanted, worst);
    for (const double radius : {0.01, 1.0, 4.0, 40.0, 800.0}) {
      const double unit = static_cast<double>(random() >> 11) * 0x1p-52 - 1;
      Check(unit * radius, function, wanted, worst);
    }
  }
  return worst;
}

template <typename F, typename G>
void ExpectWithin(double float_ulp, double double_ulp, const F& function, const G& wanted) {
  const Worst in_float = WorstOverFloats(function, wanted);
  EXPECT_LE(in_float.ulp, float_ulp) << "float, at " << in_float.at;
  const Worst in_double = WorstOverDoubles(function, wanted);
  EXPECT_LE(in_double.ulp, double_ulp) << "double, at " << in_double.at;
  ::testing::Test::RecordProperty("float_ulp", std::to_string(in_float.ulp));
  ::testing::Test::RecordProperty("double_ulp", std::to_string(in_double.ulp));
}

TEST(ScalarMath, ExpIsWithinOneUlp) {
  ExpectWithin(
      1.0, 1.0, [](auto x) { return Exp(x); }, [](Wide x) { return std::exp(x); });
}

TEST(ScalarMath, LogIsWithinOneUlp) {
  ExpectWithin(
      1.0, 1.0, [](auto x) { return Log(x); }, [](Wide x) { return std::log(x); });
}

TEST(ScalarMath, TanhIsWithinTwoAndAHalfUlp) {
  ExpectWithin(
      2.5, 2.5, [](auto x) { return Tanh(x); }, [](Wide x) { return std::tanh(x); });
}

TEST(ScalarMath, SigmoidIsWithinTwoAndAHalfUlp) {
  ExpectWithin(
      2.5, 2.5, [](auto x) { return Sigmoid(x); },
      [](Wide x) { return x > 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); });
}

// Over two octaves, which is all: the seed halves the exponent exactly.
TEST(ScalarMath, TheSeededRootIsWithinAMillionth) {
  for (std::uint32_t bits = 0x3f800000u; bits < 0x40800000u; bits += 3) {
    for (const float scale : {1.0f, 0x1p-100f, 0x1p100f}) {
      const float u = FromBits<float>(bits) * scale;
      const Wide root = std::sqrt(Wide(u));
      ASSERT_NEAR(static_cast<double>(InverseRoot(u) * root), 1.0, 1e-6) << u;
      ASSERT_NEAR(static_cast<double>(RootPlus(u, 0.0f) / root), 1.0, 1e-6) << u;
    }
  }
}

TEST(ScalarMath, TheSeededRootOfNothingDividesByTheConstantAlone) {
  EXPECT_EQ(RootPlus(0.0f, 1e-8f), 1e-8f);
  EXPECT_EQ(RootPlus(0.0, 1e-8), 1e-8);
  EXPECT_TRUE(std::isfinite(InverseRoot(0.0f)));
  EXPECT_TRUE(std::isnan(RootPlus(std::numeric_limits<float>::quiet_NaN(), 0.0f)));
}

TEST(ScalarMath, SqrtIsCorrectlyRounded) {
  ExpectWithin(
      0.5, 0.5, [](auto x) { return Sqrt(x); }, [](Wide x) { return std::sqrt(x); });
}

TEST(ScalarMath, Expm1IsWithinTwoUlp) {
  ExpectWithin(
      2.0, 2.0, [](auto x) { return Expm1(x); }, [](Wide x) { return std::expm1(x); });
}

TEST(ScalarMath, SoftplusIsWithinTwoUlp) {
  ExpectWithin(
      2.0, 2.0, [](auto x) { return Softplus(x); },
      [](Wide x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); });
}

TEST(ScalarMath, LogSigmoidIsWithinTwoUlp) {
  ExpectWithin(
      2.0, 2.0, [](auto x) { return LogSigmoid(x); },
      [](Wide x) { return x < 0 ? x - std::log1p(std::exp(x)) : -std::log1p(std::exp(-x)); });
}

// Right into saturation, where 1 - tanh(x)^2 has no digit left.
TEST(ScalarMath, TheSlopeOfTanhIsWithinFourUlp) {
  const auto clamped = [](auto x) { return Clamp(x, decltype(x)(-40), decltype(x)(40)); };
  ExpectWithin(
      4.0, 4.0, [&](auto x) { return TanhAndSlope(clamped(x)).slope; },
      [&](Wide x) {
        const Wide cosh = std::cosh(std::fmax(Wide(-40), std::fmin(Wide(40), x)));
        return std::isnan(x) ? x : 1 / (cosh * cosh);
      });
}

TEST(ScalarMath, TheGateAndItsComplementAreBothRelativelyAccurate) {
  const auto sigmoid = [](Wide x) { return 1 / (1 + std::exp(-x)); };
  ExpectWithin(
      2.5, 2.5, [](auto x) { return GateAt(x).closed; }, [&](Wide x) { return sigmoid(-x); });
  ExpectWithin(
      4.5, 4.5, [](auto x) { return GateAt(x).slope; },
      [&](Wide x) { return std::isinf(x) ? 0 : sigmoid(x) * sigmoid(-x); });
}

template <typename T>
class SpecialValues : public ::testing::Test {
 protected:
  static constexpr T kInfinity = std::numeric_limits<T>::infinity();
  static constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  static constexpr T kTiniest = std::numeric_limits<T>::denorm_min();
  static constexpr T kLargest = std::numeric_limits<T>::max();
};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(SpecialValues, Reals);

TYPED_TEST(SpecialValues, ExpOfTheEndsOfTheRange) {
  using T = TypeParam;
  EXPECT_EQ(Exp(T(0)), T(1));
  EXPECT_EQ(Exp(-T(0)), T(1));
  EXPECT_EQ(Exp(this->kInfinity), this->kInfinity);
  EXPECT_EQ(Exp(-this->kInfinity), T(0));
  EXPECT_EQ(Exp(this->kLargest), this->kInfinity);
  EXPECT_EQ(Exp(-this->kLargest), T(0));
  EXPECT_TRUE(std::isnan(Exp(this->kNan)));
  EXPECT_EQ(Exp(this->kTiniest), T(1));
  // The last finite result and the first that is not; the smallest denormal and the first zero.
  const T last = std::log(this->kLargest);
  EXPECT_TRUE(std::isfinite(Exp(std::nextafter(last, T(0)))));
  EXPECT_EQ(Exp(last + T(0.01)), this->kInfinity);
  const T first = std::log(this->kTiniest);
  EXPECT_EQ(Exp(first), this->kTiniest);
  EXPECT_EQ(Exp(first - T(1)), T(0));
}

TYPED_TEST(SpecialValues, LogOfTheEndsOfTheRange) {
  using T = TypeParam;
  EXPECT_EQ(Log(T(1)), T(0));
  EXPECT_EQ(Log(T(0)), -this->kInfinity);
  EXPECT_EQ(Log(-T(0)), -this->kInfinity);
  EXPECT_EQ(Log(this->kInfinity), this->kInfinity);
  EXPECT_TRUE(std::isnan(Log(T(-1))));
  EXPECT_TRUE(std::isnan(Log(-this->kTiniest)));
  EXPECT_TRUE(std::isnan(Log(-this->kInfinity)));
  EXPECT_TRUE(std::isnan(Log(this->kNan)));
  EXPECT_LE(UlpError<T>(Log(this->kTiniest), std::log(Wide(this->kTiniest))), 1.0);
}

TYPED_TEST(SpecialValues, TanhAndSigmoidSaturateAndKeepSigns) {
  using T = TypeParam;
  EXPECT_EQ(Tanh(T(0)), T(0));
  EXPECT_TRUE(std::signbit(Tanh(-T(0))));
  EXPECT_EQ(Tanh(this->kInfinity), T(1));
  EXPECT_EQ(Tanh(-this->kInfinity), T(-1));
  EXPECT_EQ(Tanh(this->kTiniest), this->kTiniest);
  EXPECT_TRUE(std::isnan(Tanh(this->kNan)));
  EXPECT_EQ(Sigmoid(T(0)), T(0.5));
  EXPECT_EQ(Sigmoid(this->kInfinity), T(1));
  EXPECT_EQ(Sigmoid(-this->kInfinity), T(0));
  EXPECT_TRUE(std::isnan(Sigmoid(this->kNan)));
}

TYPED_TEST(SpecialValues, TanhNeverLeavesTheUnitIntervalAndIsOdd) {
  using T = TypeParam;
  for (T x = T(-25); x < T(25); x += T(0.0009765625) * T(1.1)) {
    ASSERT_LE(std::fabs(Tanh(x)), T(1)) << x;
    ASSERT_EQ(Tanh(-x), -Tanh(x)) << x;
  }
}

TYPED_TEST(SpecialValues, Expm1OfTheEndsOfTheRange) {
  using T = TypeParam;
  EXPECT_EQ(Expm1(T(0)), T(0));
  EXPECT_FALSE(std::signbit(Expm1(-T(0))));
  EXPECT_EQ(Expm1(this->kInfinity), this->kInfinity);
  EXPECT_EQ(Expm1(-this->kInfinity), T(-1));
  EXPECT_EQ(Expm1(this->kTiniest), this->kTiniest);
  EXPECT_TRUE(std::isnan(Expm1(this->kNan)));
  EXPECT_TRUE(std::isnan(Softplus(this->kNan)));
  EXPECT_EQ(LogSigmoid(-this->kLargest), -this->kLargest);
  EXPECT_EQ(LogSigmoid(this->kInfinity), T(0));
}

TYPED_TEST(SpecialValues, ValuesBesideSlopesHaveTheBitsOfTheFunctionsAlone) {
  using T = TypeParam;
  for (T x = T(-50); x < T(50); x += T(0.0078125) * T(1.1)) {
    ASSERT_EQ(TanhAndSlope(x).value, Tanh(x)) << x;
    ASSERT_EQ(GateAt(x).open, Sigmoid(x)) << x;
    ASSERT_EQ(GateAt(x).closed, GateAt(-x).open) << x;
  }
}

TYPED_TEST(SpecialValues, PointsOfTheUnitCircleAreWithinTwoRoundingsOfOne) {
  using T = TypeParam;
  const Wide tolerance = 2 * Wide(std::numeric_limits<T>::epsilon()) / 2;
  for (const double radius : {1e-3, 1.0, 10.0, 8192.0}) {
    for (int i = -20000; i <= 20000; ++i) {
      const T angle = static_cast<T>(radius * i / 20000);
      const Complex<T> point = UnitAt(angle);
      ASSERT_LE(std::fabs(point.re - std::cos(Wide(angle))), tolerance) << angle;
      ASSERT_LE(std::fabs(point.im - std::sin(Wide(angle))), tolerance) << angle;
    }
  }
  // Multiples of a quarter turn, where the reduction cancels.
  for (int i = -5000; i <= 5000; ++i) {
    const T angle = static_cast<T>(i * 1.57079632679489661923L);
    const Complex<T> point = UnitAt(angle);
    ASSERT_LE(std::fabs(point.re - std::cos(Wide(angle))), tolerance) << angle;
    ASSERT_LE(std::fabs(point.im - std::sin(Wide(angle))), tolerance) << angle;
  }
}

TYPED_TEST(SpecialValues, HugeAnglesStayOnTheUnitCircle) {
  using T = TypeParam;
  for (const T angle : {this->kLargest, -this->kLargest, this->kInfinity}) {
    const Complex<T> point = UnitAt(angle);
    EXPECT_NEAR(point.re * point.re + point.im * point.im, 1, 1e-6);
  }
  EXPECT_TRUE(std::isnan(UnitAt(this->kNan).re));
  EXPECT_TRUE(std::isnan(UnitAt(this->kNan).im));
}

TYPED_TEST(SpecialValues, FiniteMeansNeitherInfiniteNorNan) {
  EXPECT_TRUE(IsFinite(this->kLargest));
  EXPECT_TRUE(IsFinite(this->kTiniest));
  EXPECT_FALSE(IsFinite(this->kInfinity));
  EXPECT_FALSE(IsFinite(-this->kInfinity));
  EXPECT_FALSE(IsFinite(this->kNan));
}

}  // namespace
}  // namespace millrace::kernels
