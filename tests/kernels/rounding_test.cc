// Rounding to TF32 and bfloat16 against its definition: of the two numbers of the kind around x,
// found by counting, the nearer one.

#include "kernels/math/rounding.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>

#include "gtest/gtest.h"

namespace millrace::kernels {
namespace {

// Every sign, exponent and upper half of the fraction, with lower halves around all ties.
void ForFloats(const std::function<void(float)>& f) {
  for (std::uint32_t upper = 0; upper < 0x10000u; ++upper) {
    for (const std::uint32_t lower : {0x0000u, 0x0001u, 0x0fffu, 0x1000u, 0x1001u, 0x2fffu, 0x3000u,
                                      0x3001u, 0x7fffu, 0x8000u, 0x8001u, 0xf000u, 0xffffu}) {
      f(std::bit_cast<float>(upper << 16 | lower));
    }
  }
}

// As a number of any exponent: what follows the largest float is not infinite here.
double Value(std::uint32_t bits) {
  const double sign = (bits & 0x80000000u) != 0 ? -1 : 1;
  const int exponent = static_cast<int>(bits >> 23 & 0xffu);
  const double fraction = bits & 0x7fffffu;
  return sign * (exponent == 0 ? std::ldexp(fraction, -149)
                               : std::ldexp(fraction + 0x800000, exponent - 150));
}

// The float whose fraction ends with `dropped` zeros and that is nearest to x; of two the farther
// from zero, or the one whose last bit kept is zero.
float Nearest(float x, int dropped, bool ties_to_even) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t unit = 1u << dropped;
  const std::uint32_t below = bits / unit * unit, above = below + unit;
  const double down = std::abs(Value(bits) - Value(below));
  const double up = std::abs(Value(above) - Value(bits));
  const bool tie_goes_up = !ties_to_even || below / unit % 2 == 1;
  return std::bit_cast<float>(down < up || (down == up && !tie_goes_up) ? below : above);
}

TEST(Rounding, ToTf32IsToTheNearestAndAwayFromZeroInATie) {
  ForFloats([](float x) {
    const float rounded = RoundToTf32(x);
    if (std::isnan(x)) {
      EXPECT_TRUE(std::isnan(rounded));
    } else {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(rounded),
                std::bit_cast<std::uint32_t>(Nearest(x, 13, false)))
          << std::hexfloat << x;
    }
  });
}

TEST(Rounding, ToBf16IsToTheNearestAndToEvenInATie) {
  ForFloats([](float x) {
    const float rounded = WidenBf16(RoundToBf16(x));
    if (std::isnan(x)) {
      EXPECT_TRUE(std::isnan(rounded));
    } else {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(rounded),
                std::bit_cast<std::uint32_t>(Nearest(x, 16, true)))
          << std::hexfloat << x;
    }
  });
}

TEST(Rounding, WhatIsRoundedStays) {
  ForFloats([](float x) {
    if (std::isnan(x)) return;
    ASSERT_EQ(RoundToTf32(RoundToTf32(x)), RoundToTf32(x));
    const std::uint16_t kept = RoundToBf16(x);
    ASSERT_EQ(RoundToBf16(WidenBf16(kept)), kept);
    ASSERT_EQ(RoundToTf32(WidenBf16(kept)), WidenBf16(kept));  // bf16 is TF32
  });
}

TEST(Rounding, TwoTf32NumbersHoldAllButTheLastBitOfAFloat) {
  double worst = 0;
  ForFloats([&](float x) {
    if (!std::isfinite(x) || std::abs(x) < 0x1p-100F || std::abs(x) > 0x1p127F) return;
    const Tf32Pair pair = SplitTf32(x);
    ASSERT_EQ(RoundToTf32(pair.high), pair.high);
    ASSERT_EQ(RoundToTf32(pair.low), pair.low);
    const double lost = std::abs(double{x} - pair.high - pair.low);
    worst = std::max(worst, lost / std::abs(double{x}));
  });
  EXPECT_LE(worst, 0x1p-23);
  EXPECT_GT(worst, 0x1p-25);
}

}  // namespace
}  // namespace millrace::kernels
