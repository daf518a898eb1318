// The unit maps of kernels/cells/: their steps against the published formulas, their derivatives
// against central differences, float against double, and what huge arguments do to them.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/cells/radius.h"
#include "kernels/cells/unit.h"
#include "tests/kernels/unit_cases.h"

namespace millrace::kernels {
namespace {

constexpr int kSamples = 2000;

// One step's arguments and results. Float and double see the same arguments.
template <typename T>
struct Step {
  std::vector<T> a;
  std::vector<T> prev;
  std::vector<T> next;
  std::vector<T> carry;
  std::vector<T> slope;
};

// Arguments and components in long double, undivided, as Naive has them.
struct WideStep {
  std::vector<Wide> a;
  std::vector<Wide> prev;
  std::vector<Wide> next;
};

::testing::AssertionResult Within(Wide got, Wide wanted, Wide tolerance) {
  if (std::fabs(got - wanted) <= tolerance) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << got << " is not " << wanted << " within " << tolerance;
}

template <typename Case>
class UnitMaps : public ::testing::Test {
 protected:
  using Shape = typename Case::template Unit<double>;
  static constexpr std::size_t kComponents = Shape::kComponents;
  static constexpr std::size_t kGates = Shape::kGates;
  static constexpr std::size_t kState = kComponents + Shape::kAuxiliary;

  double Uniform() { return std::uniform_real_distribution<double>(-1, 1)(random_); }
  template <typename T>
  T OneOf(const std::vector<T>& values) {
    return values[random_() % values.size()];
  }

  std::vector<double> DrawGates() {
    std::vector<double> a(kGates);
    for (std::size_t g = 0; g < kGates; ++g) {
      a[g] = static_cast<float>(Case::Draw(static_cast<int>(g), Uniform()));
    }
    return a;
  }

  // A state that a step can leave behind.
  std::vector<double> DrawState() {
    std::vector<double> state(kState);
    for (double& x : state) x = static_cast<float>(2 * Uniform());
    if (Case::kScaled > 0) state[1] = 1 + std::fabs(state[1]);
    return state;
  }

  template <typename T>
  static Step<T> Run(const std::vector<double>& a, const std::vector<double>& prev) {
    Step<T> step;
    for (const double x : a) step.a.push_back(static_cast<T>(x));
    for (const double x : prev) step.prev.push_back(static_cast<T>(x));
    step.next.resize(kState);
    step.carry.resize(kCarries<Shape>);
    step.slope.resize(kSlopes<Shape>);
    Case::template Make<T>()(step.a.data(), step.prev.data(), step.next.data(), step.carry.data(),
                             step.slope.data());
    return step;
  }

  // What component c of this state is divided by.
  static Wide Divisor(const std::vector<double>& state, std::size_t c) {
    return c < Case::kScaled ? std::exp(Wide(state.back())) : Wide(1);
  }

  static WideStep Widened(const Step<double>& step) {
    WideStep wide = {{step.a.begin(), step.a.end()}, {}, std::vector<Wide>(kComponents)};
    for (std::size_t c = 0; c < kComponents; ++c) {
      wide.prev.push_back(step.prev[c] * Divisor(step.prev, c));
    }
    Case::Naive(wide.a.data(), wide.prev.data(), wide.next.data());
    return wide;
  }

  // Naive's components where x, one of at's arguments, is moved by this much.
  static std::vector<Wide> Moved(WideStep& at, Wide& x, Wide distance) {
    const Wide base = std::exchange(x, x + distance);
    Case::Naive(at.a.data(), at.prev.data(), at.next.data());
    x = base;
    return at.next;
  }

  // Their derivatives by x, by the five-point rule; exactly 0 where x is no argument of theirs.
  static std::vector<Wide> Difference(WideStep& at, Wide& x, Wide width) {
    const std::vector<Wide> up = Moved(at, x, width);
    const std::vector<Wide> down = Moved(at, x, -width);
    const std::vector<Wide> far_up = Moved(at, x, 2 * width);
    const std::vector<Wide> far_down = Moved(at, x, -2 * width);
    std::vector<Wide> slope(kComponents);
    for (std::size_t c = 0; c < kComponents; ++c) {
      slope[c] = (8 * (up[c] - down[c]) - (far_up[c] - far_down[c])) / (12 * width);
    }
    return slope;
  }

  // One column of derivatives against its differences, both in the scale of the state's storage:
  // those that are not listed are zero.
  template <typename Pairs>
  static void ExpectColumn(const Pairs& pairs, const std::vector<double>& got,
                           const std::vector<Wide>& wanted, std::size_t from) {
    std::vector<Wide> column(kComponents);
    std::vector<Wide> tolerance(kComponents);
    for (std::size_t i = 0; i < std::size(pairs); ++i) {
      const Pair pair = pairs[i];
      if (std::size_t(pair.from) != from) continue;
      const auto to = static_cast<std::size_t>(pair.to);
      column[to] = got[i];
      tolerance[to] = 1e-7L * std::fabs(wanted[to]) + 1e-12L;
    }
    for (std::size_t to = 0; to < kComponents; ++to) {
      EXPECT_TRUE(Within(column[to], wanted[to], tolerance[to])) << "entry " << to << ", " << from;
    }
  }

  static void ExpectClose(const std::vector<float>& got, const std::vector<double>& wanted,
                          const char* what) {
    for (std::size_t i = 0; i < got.size(); ++i) {
      const double tolerance = 1e-5 * std::max(1.0, std::fabs(wanted[i]));
      EXPECT_NEAR(got[i], wanted[i], tolerance) << what << " " << i;
    }
  }

  std::mt19937_64 random_{11};
};

using Cases =
    ::testing::Types<Ctrnn, Lstm, GruAfter, GruBefore, BlockGru, Elstm, MinGru, PositiveMinGru, Lru,
                     LruLearnedGamma, Glru, ComplexGlru, RgLru, Slstm, Rwkv, S4d>;
TYPED_TEST_SUITE(UnitMaps, Cases);

TYPED_TEST(UnitMaps, TheStepIsThePublishedFormulaFromZeroStateOn) {
  std::vector<double> state(this->kState);
  std::vector<Wide> naive(this->kComponents);
  for (int t = 0; t < kSamples && !this->HasFailure(); ++t) {
    const Step<double> step = this->template Run<double>(this->DrawGates(), state);
    const std::vector<Wide> a(step.a.begin(), step.a.end());
    std::vector<Wide> next(this->kComponents);
    TypeParam::Naive(a.data(), naive.data(), next.data());
    naive = next;
    state = step.next;
    for (std::size_t c = 0; c < this->kComponents; ++c) {
      const Wide wanted = naive[c] / this->Divisor(state, c);
      EXPECT_TRUE(Within(state[c], wanted, 1e-12L * std::max(Wide(1), std::fabs(wanted))))
          << "component " << c << " after step " << t;
    }
  }
}

TYPED_TEST(UnitMaps, CarryIsTheCentralDifferenceInTheState) {
  for (int sample = 0; sample < kSamples && !this->HasFailure(); ++sample) {
    const Step<double> step = this->template Run<double>(this->DrawGates(), this->DrawState());
    WideStep wide = this->Widened(step);
    for (std::size_t from = 0; from < this->kComponents; ++from) {
      const Wide divisor = this->Divisor(step.prev, from);
      std::vector<Wide> wanted = this->Difference(wide, wide.prev[from], 1e-4L * divisor);
      for (std::size_t to = 0; to < wanted.size(); ++to) {
        wanted[to] *= divisor / this->Divisor(step.next, to);
      }
      this->ExpectColumn(TestFixture::Shape::kCarry, step.carry, wanted, from);
    }
  }
}

TYPED_TEST(UnitMaps, SlopeIsTheCentralDifferenceInThePreactivations) {
  for (int sample = 0; sample < kSamples && !this->HasFailure(); ++sample) {
    const Step<double> step = this->template Run<double>(this->DrawGates(), this->DrawState());
    WideStep wide = this->Widened(step);
    for (std::size_t gate = 0; gate < this->kGates; ++gate) {
      std::vector<Wide> wanted = this->Difference(wide, wide.a[gate], 1e-4L);
      for (std::size_t to = 0; to < wanted.size(); ++to) {
        wanted[to] /= this->Divisor(step.next, to);
      }
      this->ExpectColumn(TestFixture::Shape::kSlope, step.slope, wanted, gate);
    }
  }
}

TYPED_TEST(UnitMaps, EveryListedEntryIsListedOnceAndNotZeroEverywhere) {
  const Step<double> step = this->template Run<double>(this->DrawGates(), this->DrawState());
  for (const double x : step.carry) EXPECT_NE(x, 0);
  for (const double x : step.slope) EXPECT_NE(x, 0);
  const auto once = [](const auto& pairs) {
    for (const Pair& pair : pairs) {
      EXPECT_EQ(std::count_if(std::begin(pairs), std::end(pairs),
                              [&](Pair p) { return p.to == pair.to && p.from == pair.from; }),
                1)
          << pair.to << ", " << pair.from;
    }
  };
  once(TestFixture::Shape::kCarry);
  once(TestFixture::Shape::kSlope);
}

// 1e-5 of the larger of 1 and the value: angles and exponents of up to 12 are rounded by 5e-7,
// which comes out multiplied by the angle, the state and the readout. Most maps are within 1e-6.
TYPED_TEST(UnitMaps, FloatAgreesWithDouble) {
  for (int sample = 0; sample < kSamples && !this->HasFailure(); ++sample) {
    const std::vector<double> a = this->DrawGates();
    const std::vector<double> prev = this->DrawState();
    const Step<float> narrow = this->template Run<float>(a, prev);
    const Step<double> wide = this->template Run<double>(a, prev);
    this->ExpectClose(narrow.next, wide.next, "next");
    this->ExpectClose(narrow.carry, wide.carry, "carry");
    this->ExpectClose(narrow.slope, wide.slope, "slope");
  }
}

template <typename T>
void ExpectFinite(const Step<T>& step, const std::vector<double>& a) {
  for (const auto* values : {&step.next, &step.carry, &step.slope}) {
    for (const T x : *values) EXPECT_TRUE(std::isfinite(x)) << ::testing::PrintToString(a);
  }
}

TYPED_TEST(UnitMaps, SaturatedGatesAndVanishingStatesStayFinite) {
  std::vector<double> ends = {0, 1e-30, 20, 90, 1000};
  if (TypeParam::kScaled > 0) ends.push_back(1e30);
  for (int sample = 0; sample < 10 * kSamples && !this->HasFailure(); ++sample) {
    std::vector<double> a(this->kGates);
    for (double& x : a) x = this->OneOf(ends) * (this->Uniform() < 0 ? -1 : 1);
    std::vector<double> prev(this->kState);
    for (double& x : prev) {
      x = this->OneOf(std::vector<double>{0, 1e-40, -1e-40, 1, -1, 100, -100});
    }
    if (TypeParam::kScaled > 0) prev[1] = this->OneOf(std::vector<double>{0, 1, 1000});
    ExpectFinite(this->template Run<float>(a, prev), a);
    ExpectFinite(this->template Run<double>(a, prev), a);
  }
}

TYPED_TEST(UnitMaps, ASequenceOfHugePreactivationsStaysFinite) {
  const double huge = TypeParam::kScaled > 0 ? 1e30 : 300;
  std::vector<double> state(this->kState);
  for (int t = 0; t < 200 && !this->HasFailure(); ++t) {
    std::vector<double> a(this->kGates);
    // Inputs are huge; parameters of a unit, as leaks and peepholes, are not.
    for (std::size_t g = 0; g < a.size(); ++g) {
      const double drawn = TypeParam::Draw(static_cast<int>(g), this->Uniform());
      a[g] = g < 3 && TypeParam::kScaled > 0 ? huge * this->Uniform() : drawn;
    }
    const Step<float> step = this->template Run<float>(a, state);
    ExpectFinite(step, a);
    state.assign(step.next.begin(), step.next.end());
  }
}

// From radii that forget at once to those that never do, in steps of a tenth of a decade.
template <typename T>
void ExpectRadiusAccurate() {
  const auto tolerance = 8 * Wide(std::numeric_limits<T>::epsilon());
  for (int decitens = -300; decitens <= 15; ++decitens) {
    const T x = static_cast<T>(std::pow(10.0L, decitens / 10.0L));
    const Radius<T> radius = RadiusAt(x);
    const Wide gamma = std::sqrt(-std::expm1(-2 * Wide(x)));
    const Wide ratio = std::exp(-Wide(x)) / gamma;
    EXPECT_TRUE(Within(radius.gamma, gamma, tolerance * gamma)) << x;
    EXPECT_TRUE(Within(radius.ratio, std::min(ratio, Wide(1000)), tolerance * ratio)) << x;
    EXPECT_LE(radius.ratio, T(1000)) << x;
  }
  EXPECT_EQ(RadiusAt(T(0)).gamma, T(0));
  EXPECT_EQ(RadiusAt(T(0)).ratio, T(1000));
}

TEST(Radius, GammaKeepsItsDigitsNextToOneAndTheRatioIsHeld) {
  ExpectRadiusAccurate<float>();
  ExpectRadiusAccurate<double>();
}

}  // namespace
}  // namespace millrace::kernels
