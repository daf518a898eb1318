// Scores against cases that were computed by hand.
#include "client/cli/score.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace millrace::client {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(CrossEntropyTest, IsTheNegativeLogarithmOfTheSoftmax) {
  const std::vector<float> logits = {0, std::log(3.f)};  // probabilities 1/4, 3/4
  EXPECT_NEAR(CrossEntropy(logits, 0), std::log(4.0), 1e-7);
  EXPECT_NEAR(CrossEntropy(logits, 1), std::log(4.0 / 3), 1e-7);
  EXPECT_NEAR(CrossEntropy(std::vector<float>{1000, 0}, 1), 1000, 1e-9);
  EXPECT_EQ(ArgMax(logits), 1);
}

TEST(RegressionScoreTest, LossAndR2OfAHandComputedFile) {
  // y: 1 2 3 about mean 2: SST 2. Errors 0, 1, 1: SSE 2. Second target 4 ? 8, errors 0, 2: SST 8.
  RegressionScore score;
  score.Add(std::vector<float>{1, 4}, std::vector<float>{1, 4});
  score.Add(std::vector<float>{2, kNaN}, std::vector<float>{3, 9});
  score.Add(std::vector<float>{3, 8}, std::vector<float>{2, 6});
  score.CloseFile(std::vector<double>{0, 0});
  EXPECT_EQ(score.steps(), 3u);
  EXPECT_NEAR(*score.loss(), (0 + 1 + (1 + 4) / 2.0) / 3, 1e-12);
  EXPECT_NEAR(*score.r2()[0], 1 - 2.0 / 2, 1e-12);
  EXPECT_NEAR(*score.r2()[1], 1 - 4.0 / 8, 1e-12);
}

TEST(RegressionScoreTest, R2OfTwoFilesIsAboutEachFilesOwnMean) {
  RegressionScore whole;
  for (const float level : {0.f, 100.f}) {
    RegressionScore file;
    file.Add(std::vector<float>{level - 1}, std::vector<float>{level});
    file.Add(std::vector<float>{level + 1}, std::vector<float>{level});
    file.CloseFile(std::vector<double>{0});
    whole.AddFile(file);
  }
  EXPECT_NEAR(*whole.r2()[0], 0, 1e-9);  // as good as each file's mean, however far the levels
  EXPECT_EQ(whole.steps(), 4u);
}

TEST(RegressionScoreTest, ATargetThatHardlyVariesHasNoR2) {
  RegressionScore score;
  score.Add(std::vector<float>{1}, std::vector<float>{0});
  score.Add(std::vector<float>{1.001f}, std::vector<float>{0});
  score.CloseFile(std::vector<double>{1e-4});
  EXPECT_FALSE(score.r2()[0].has_value());
  EXPECT_TRUE(score.loss().has_value());
}

TEST(RegressionScoreTest, AStepWithoutAKnownTargetIsNotCounted) {
  RegressionScore score;
  score.Add(std::vector<float>{kNaN}, std::vector<float>{0});
  EXPECT_EQ(score.steps(), 0u);
  EXPECT_FALSE(score.loss().has_value());
}

TEST(ClassScoreTest, AccuraciesOfAHandComputedFile) {
  ClassScore score;
  // Trial 0, class 0: 2 of 3 right. Trial 1, class 1: 1 of 3. Trial 2, class 0: right.
  for (const int predicted : {0, 0, 1}) score.Add(0, predicted, 0, 0.5);
  for (const int predicted : {0, 1, 0}) score.Add(1, predicted, 1, 1.0);
  score.Add(0, 0, 2, 0.0);
  score.CloseFile();
  EXPECT_NEAR(*score.accuracy(), 4.0 / 7, 1e-12);
  EXPECT_NEAR(*score.accuracy_trial(), 2.0 / 3, 1e-12);
  EXPECT_NEAR(*score.accuracy_balanced(), (3.0 / 4 + 1.0 / 3) / 2, 1e-12);
  EXPECT_NEAR(*score.loss(), 4.5 / 7, 1e-12);
}

TEST(ClassScoreTest, ATrialWithATieIsDecidedForTheLowerClass) {
  ClassScore score;
  for (const int predicted : {2, 1}) score.Add(1, predicted, 0);
  for (const int predicted : {1, 2}) score.Add(1, predicted, 1);
  score.CloseFile();
  EXPECT_NEAR(*score.accuracy_trial(), 1, 1e-12);
}

TEST(ClassScoreTest, KappaIsWhatIsGainedOverTheLastLabel) {
  ClassScore live, last;
  for (int t = 0; t < 10; ++t) live.Add(0, t < 9 ? 0 : 1, -1);
  for (int t = 0; t < 10; ++t) last.Add(0, t < 6 ? 0 : 1, -1);
  EXPECT_NEAR(*live.kappa(last), (.9 - .6) / .4, 1e-12);
  EXPECT_NEAR(*last.kappa(last), 0, 1e-12);
  EXPECT_FALSE(live.accuracy_trial().has_value());
}

TEST(ClassScoreTest, KappaAgainstALabelThatIsAlwaysRightIsAbsent) {
  ClassScore score;
  score.Add(0, 0, -1);
  EXPECT_FALSE(score.kappa(score).has_value());
}

TEST(ClassScoreTest, TrialsWithTheSameNumberInTwoFilesAreTwoTrials) {
  ClassScore whole;
  for (const int predicted : {0, 1}) {
    ClassScore file;
    file.Add(0, predicted, 0);
    file.CloseFile();
    whole.AddFile(file);
  }
  EXPECT_NEAR(*whole.accuracy_trial(), .5, 1e-12);
  EXPECT_EQ(whole.steps(), 2u);
}

TEST(ByteScoreTest, BitsPerByteIsTheMeanInBits) {
  ByteScore score;
  score.Add(std::log(2.0));
  score.Add(3 * std::log(2.0));
  EXPECT_NEAR(*score.bits_per_byte(), 2, 1e-12);
  EXPECT_NEAR(*score.loss(), 2 * std::log(2.0), 1e-12);
  EXPECT_FALSE(ByteScore().bits_per_byte().has_value());
}

}  // namespace
}  // namespace millrace::client
