#include "engine/input.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "engine/errors.h"
#include "tests/support/npy.h"
#include "tests/support/numbers.h"

namespace millrace::engine {
namespace {

using testing_support::Numbers;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

InputStage Stage(std::int64_t size, Settings settings = {}) {
  settings["size"] = size;
  const absl::StatusOr<PartSpec> part = ResolvePart("input", {"vector", settings}, "");
  EXPECT_TRUE(part.ok()) << part.status();
  return InputStage(*part);
}

// Steps one value through a stage of one channel and gives z.
double StepOne(InputStage& stage, float x) {
  double z = 0;
  std::uint8_t present = 0;
  stage.Step(&x, &z, &present);
  return z;
}

double Clip(double value, double bound) { return std::fmin(std::fmax(value, -bound), bound); }

// The normaliser of the header's formula, written a second time for one channel.
struct PlainNormaliser {
  double window, floor;
  double mean = 0, variance = 1;
  double values = 0;

  double Take(double x) {
    const double z = Clip((x - mean) / std::sqrt(variance + floor), 5);
    double a = 1 / (values + 2);
    if (a < 1 / window) a = 1 / window;
    double dev = x - mean;
    if (values > 100) dev = Clip(dev, 5 * std::sqrt(variance + floor));
    mean = mean + a * dev;
    variance = (1 - a) * (variance + a * dev * dev);
    values += 1;
    return z;
  }
};

TEST(InputTest, NormalisationFollowsTheFormula) {
  Numbers numbers(3);
  InputStage stage =
      Stage(2, {{"normalise", true}, {"window", std::int64_t{150}}, {"floor", 0.25}});
  PlainNormaliser first{150, 0.25}, second{150, 0.25};
  for (int t = 0; t < 1000; ++t) {
    const bool glitch = t == 400 || t == 700;
    const float x[2] = {static_cast<float>(glitch ? 1e6 : numbers.Between(90, 110)),
                        static_cast<float>(numbers.Between(-1, 1) * t)};
    double z[2];
    std::uint8_t present[2];
    const double novelty = stage.Step(x, z, present);
    const double expected[2] = {first.Take(x[0]), second.Take(x[1])};
    ASSERT_NEAR(z[0], expected[0], 1e-12) << t;
    ASSERT_NEAR(z[1], expected[1], 1e-12) << t;
    ASSERT_NEAR(novelty, (z[0] * z[0] + z[1] * z[1]) / 2, 1e-12);
    ASSERT_EQ(present[0] + present[1], 2);
  }
}

TEST(InputTest, AValueIsNormalisedByThePastOnly) {
  InputStage stage = Stage(1, {{"normalise", true}, {"floor", 1.0}});
  EXPECT_DOUBLE_EQ(StepOne(stage, 2), 2 / std::sqrt(2.0));  // mu 0, v 1
  // a = 1/2: mu 1, v = (1 + 4/2) / 2 = 1.5.
  EXPECT_DOUBLE_EQ(StepOne(stage, 3), 2 / std::sqrt(2.5));
}

TEST(InputTest, TransformsComeBeforeNormalisation) {
  InputStage root = Stage(1, {{"transform", std::string("square_root")}});
  EXPECT_DOUBLE_EQ(StepOne(root, 9), 3);
  EXPECT_DOUBLE_EQ(StepOne(root, 0), 0);
  InputStage log = Stage(1, {{"transform", std::string("log1p")}});
  for (const float x : {0.0f, 1e-20f, 1e-7f, 0.5f, 3.0f, 1e30f, -0.9f, -1e-9f}) {
    EXPECT_NEAR(StepOne(log, x), std::log1p(static_cast<double>(x)),
                4e-16 * std::fabs(std::log1p(static_cast<double>(x))))
        << x;
  }
}

TEST(InputTest, AMissingValueIsTheMeanAndLeavesItsChannelAlone) {
  InputStage stage = Stage(2, {{"normalise", true}, {"missing", std::string("allowed")}});
  PlainNormaliser first{1000, 0.01}, second{1000, 0.01};
  Numbers numbers(5);
  for (int t = 0; t < 300; ++t) {
    const float x[2] = {static_cast<float>(numbers.Between(3, 5)),
                        t % 3 == 0 ? kNan : static_cast<float>(numbers.Between(3, 5))};
    double z[2];
    std::uint8_t present[2];
    const double novelty = stage.Step(x, z, present);
    ASSERT_NEAR(z[0], first.Take(x[0]), 1e-12);
    ASSERT_EQ(present[0], 1);
    if (t % 3 == 0) {
      ASSERT_EQ(z[1], 0);
      ASSERT_EQ(present[1], 0);
      ASSERT_NEAR(novelty, z[0] * z[0], 1e-12);
    } else {
      ASSERT_NEAR(z[1], second.Take(x[1]), 1e-12);
      ASSERT_EQ(present[1], 1);
    }
  }
  StreamStats stats;
  stage.Fill(&stats);
  EXPECT_EQ(stats.missing_values, (std::vector<std::uint64_t>{0, 100}));
}

TEST(InputTest, WithoutNormalisationAMissingValueIsTheRunningMean) {
  InputStage stage = Stage(1, {{"missing", std::string("allowed")}});
  PlainNormaliser plain{1000, 0.01};
  for (const float x : {4.0f, 6.0f, 5.0f}) {
    EXPECT_EQ(StepOne(stage, x), x);
    plain.Take(x);
  }
  EXPECT_DOUBLE_EQ(StepOne(stage, kNan), plain.mean);
}

TEST(InputTest, AChannelWithoutChangeIsSilentAfterItsStepsAndReturnsWithTheFirstChange) {
  InputStage stage = Stage(1, {{"normalise", true}, {"silent_after", std::int64_t{3}}});
  const auto step = [&stage](float x) {
    double z = 0;
    std::uint8_t present = 0, viewed = 0;
    stage.View(&x, &z, &viewed);
    stage.Step(&x, &z, &present);
    EXPECT_EQ(viewed, present);
    return static_cast<int>(present);
  };
  const auto silent = [&stage] {
    StreamStats stats;
    stage.Fill(&stats);
    return stats.silent_channels;
  };
  EXPECT_EQ(step(7), 1);
  EXPECT_EQ(step(7), 1);
  EXPECT_EQ(step(7), 1);
  EXPECT_TRUE(silent().empty());
  EXPECT_EQ(step(7), 0);  // three steps without change
  EXPECT_EQ(silent(), std::vector<std::uint32_t>{0});
  std::vector<double> mean, variance, later_mean, later_variance;
  stage.CopyStatistics(&mean, &variance);
  EXPECT_EQ(step(7), 0);
  stage.CopyStatistics(&later_mean, &later_variance);
  EXPECT_EQ(later_mean, mean);
  EXPECT_EQ(later_variance, variance);
  EXPECT_EQ(step(8), 1);
  EXPECT_TRUE(silent().empty());
  StreamStats stats;
  stage.Fill(&stats);
  EXPECT_EQ(stats.missing_values, std::vector<std::uint64_t>{2});
}

std::vector<double> SkipThree(const std::string& skip) {
  InputStage stage = Stage(1, {{"skip", skip}, {"skip_decay", 0.5}});
  StepOne(stage, 8);
  std::vector<double> z(3);
  for (double& value : z) {
    double viewed = 0;
    std::uint8_t present = 1;
    stage.View(nullptr, &viewed, &present);
    EXPECT_EQ(stage.Step(nullptr, &value, &present), 0);
    EXPECT_EQ(viewed, value);
    EXPECT_EQ(present, 0);
  }
  return z;
}

TEST(InputTest, AStepWithoutInputIsZeroOrHoldsOrFades) {
  EXPECT_EQ(SkipThree("zero"), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(SkipThree("hold"), (std::vector<double>{8, 8, 8}));
  EXPECT_EQ(SkipThree("decay"), (std::vector<double>{4, 2, 1}));
}

TEST(InputTest, ViewingChangesNothingAndAgreesWithTheStepThatFollows) {
  Numbers numbers(9);
  InputStage stage = Stage(3, {{"normalise", true},
                               {"missing", std::string("allowed")},
                               {"skip", std::string("decay")},
                               {"silent_after", std::int64_t{2}}});
  for (int t = 0; t < 500; ++t) {
    float x[3];
    for (float& value : x) {
      value = numbers.Chance(0.1) ? kNan : static_cast<float>(numbers.Index(3));
    }
    const float* input = numbers.Chance(0.1) ? nullptr : x;
    double viewed[3], stepped[3];
    std::uint8_t viewed_present[3], present[3];
    Snapshot before, after;
    SaveVisitor save_before(&before), save_after(&after);
    stage.Visit(save_before);
    const double novelty = stage.View(input, viewed, viewed_present);
    stage.Visit(save_after);
    ASSERT_EQ(EncodeSnapshot(before), EncodeSnapshot(after));
    ASSERT_EQ(stage.Step(input, stepped, present), novelty);
    for (int i = 0; i < 3; ++i) {
      ASSERT_EQ(viewed[i], stepped[i]);
      ASSERT_EQ(viewed_present[i], present[i]);
    }
  }
}

TEST(InputTest, AFrozenViewUsesTheCopyAndAgreesInWhatIsMissing) {
  InputStage stage = Stage(2, {{"normalise", true},
                               {"missing", std::string("allowed")},
                               {"skip", std::string("decay")},
                               {"silent_after", std::int64_t{2}}});
  Numbers numbers(11);
  std::vector<double> mean, variance;
  for (int t = 0; t < 600; ++t) {
    float x[2];
    for (float& value : x) {
      value = numbers.Chance(0.1) ? kNan : static_cast<float>(numbers.Index(3) + t / 100);
    }
    const float* input = numbers.Chance(0.1) ? nullptr : x;
    double z[2], frozen[2];
    std::uint8_t present[2];
    stage.Step(input, z, present);
    if (t == 99) stage.CopyStatistics(&mean, &variance);
    if (t < 100) continue;
    stage.ViewFrozen(input, mean, variance, frozen);
    for (std::size_t i = 0; i < 2; ++i) {
      if (input == nullptr) {
        ASSERT_EQ(frozen[i], z[i]);
      } else if (present[i] == 0) {
        ASSERT_EQ(frozen[i], 0);
      } else {
        ASSERT_EQ(frozen[i], Clip((x[i] - mean[i]) / std::sqrt(variance[i] + 0.01), 5));
      }
    }
  }
}

TEST(InputTest, StateGoesThroughASnapshotBitForBit) {
  const Settings settings = {{"normalise", true},
                             {"missing", std::string("allowed")},
                             {"skip", std::string("decay")},
                             {"silent_after", std::int64_t{5}}};
  InputStage one = Stage(4, settings), other = Stage(4, settings);
  Numbers numbers(13);
  for (int t = 0; t < 400; ++t) {
    float x[4];
    for (float& value : x) {
      value = numbers.Chance(0.05) ? kNan : static_cast<float>(numbers.Index(2));
    }
    if (t >= 197 && t < 205) x[0] = 1;  // falling silent as the snapshot is taken
    double z[4], other_z[4];
    std::uint8_t present[4];
    if (t == 200) {
      Snapshot snapshot;
      SaveVisitor save(&snapshot);
      one.Visit(save);
      LoadVisitor load(snapshot);
      other.Visit(load);
      ASSERT_TRUE(load.Finish().ok()) << load.Finish();
    }
    const float* input = t % 17 == 0 ? nullptr : x;
    one.Step(input, z, present);
    if (t < 200) continue;
    other.Step(input, other_z, present);
    for (int i = 0; i < 4; ++i) ASSERT_EQ(z[i], other_z[i]);
  }
}

void ExpectRefused(const InputStage& stage, const std::vector<float>& floats, const char* reason,
                   const std::string& sentence) {
  const absl::Status status = stage.CheckFloats(floats, "stream 'a'");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(status), reason);
  EXPECT_EQ(std::string(status.message()), sentence);
}

TEST(InputTest, AWrongWidthIsRefusedWithBothNumbers) {
  ExpectRefused(Stage(3), {1, 2}, kBadShape,
                "x has 2 values; stream 'a' expects 3 (inputs, set by its model's input "
                "'vector'); send whole steps");
  ExpectRefused(Stage(3), {1, 2, 3, 4}, kBadShape,
                "x has 4 values; stream 'a' expects a multiple of 3 (inputs, set by its model's "
                "input 'vector'); send whole steps");
}

TEST(InputTest, InfiniteAndMissingValuesAreRefusedWithStepAndChannel) {
  const InputStage stage = Stage(2);
  EXPECT_TRUE(stage.CheckFloats({1, 2, 3, 4}, "stream 'a'").ok());
  EXPECT_TRUE(stage.CheckFloats({}, "stream 'a'").ok());
  ExpectRefused(stage, {1, 2, 3, kNan}, kNotFinite,
                "x at step offset 1, channel 1 is nan; stream 'a' expects a number (missing values "
                "are refused by its model's input); send a number, or use a model with missing "
                "'allowed'");
  ExpectRefused(stage, {kInfinity, 2}, kNotFinite,
                "x at step offset 0, channel 0 is inf; stream 'a' expects a finite number; leave "
                "the value out");
  const InputStage allowing = Stage(2, {{"missing", std::string("allowed")}});
  EXPECT_TRUE(allowing.CheckFloats({1, kNan}, "stream 'a'").ok());
  EXPECT_FALSE(allowing.CheckFloats({1, -kInfinity}, "stream 'a'").ok());
}

TEST(InputTest, WhatATransformCannotTakeIsRefused) {
  const InputStage root = Stage(1, {{"transform", std::string("square_root")}});
  ExpectRefused(root, {4, -1}, kNotFinite,
                "x at step offset 1, channel 0 is -1; stream 'a' expects at least 0 (transform "
                "'square_root' of its model's input); send counts, or use another transform");
  EXPECT_FALSE(root.CheckFloats({-kInfinity}, "stream 'a'").ok());
  const InputStage log = Stage(1, {{"transform", std::string("log1p")}});
  EXPECT_TRUE(log.CheckFloats({-0.5}, "stream 'a'").ok());
  ExpectRefused(log, {-1}, kNotFinite,
                "x at step offset 0, channel 0 is -1; stream 'a' expects more than -1 (transform "
                "'log1p' of its model's input); send counts, or use another transform");
}

TEST(InputTest, BytesAreOneHotInputsWithoutState) {
  const absl::StatusOr<PartSpec> part = ResolvePart("input", {"bytes", {}}, "");
  ASSERT_TRUE(part.ok());
  InputStage stage(*part);
  EXPECT_TRUE(stage.bytes());
  EXPECT_EQ(stage.width(), 256);
  SizeVisitor size;
  stage.Visit(size);
  EXPECT_EQ(size.bytes(), 0);
}

// The glitch rows of this recording: any channel more than 1000 away from its own median.
TEST(InputTest, AGlitchOfTheEegRecordingBlindsNoChannel) {
  const std::string path = testing_support::RecordingPath("eeg_eyestate/X.npy");
  if (path.empty()) GTEST_SKIP() << "recording eeg_eyestate is not there; set MILLRACE_DATA";
  const absl::StatusOr<testing_support::Npy> recording = testing_support::ReadNpy(path);
  ASSERT_TRUE(recording.ok()) << recording.status();
  const std::size_t rows = static_cast<std::size_t>(recording->shape[0]);
  const std::size_t width = static_cast<std::size_t>(recording->shape[1]);
  InputStage stage = Stage(static_cast<std::int64_t>(width), {{"normalise", true}});
  std::vector<float> x(width);
  std::vector<double> z(width), mean, variance, before;
  std::vector<std::uint8_t> present(width);
  std::size_t glitches = 0, checked_until = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    bool glitch = false;
    stage.CopyStatistics(&mean, &variance);
    for (std::size_t i = 0; i < width; ++i) {
      x[i] = static_cast<float>(recording->values[row * width + i]);
      if (row > 100 && std::fabs(x[i] - mean[i]) > 1000) glitch = true;
    }
    if (glitch) {
      ++glitches;
      before.clear();
      for (const double v : variance) before.push_back(std::sqrt(v + 0.01));
      checked_until = row + 100;
    }
    stage.Step(x.data(), z.data(), present.data());
    if (row + 1 != checked_until) continue;
    stage.CopyStatistics(&mean, &variance);
    for (std::size_t i = 0; i < width; ++i) {
      EXPECT_LE(std::sqrt(variance[i] + 0.01), 2 * before[i]) << "row " << row << " channel " << i;
    }
  }
  EXPECT_EQ(glitches, 4u);
}

}  // namespace
}  // namespace millrace::engine
