#include "client/cli/plan.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "client/cli/baselines.h"

namespace millrace::client {
namespace {

// "O0-3 R3[0-2]<3 S": observe rows 0 to 2; at 3 observed release rows 0 and 1, none below 3;
// settle.
// "!2" after an observation: a reset before row 2.
std::string Text(const Plan& plan) {
  std::string text;
  for (const Action& action : plan.actions) {
    if (!text.empty()) text += ' ';
    if (action.kind == Action::Kind::kSettle) text += 'S';
    if (action.kind == Action::Kind::kObserve) {
      absl::StrAppend(&text, "O", action.begin, "-", action.end, action.with_targets ? "t" : "");
      for (const std::size_t row : action.reset_before) absl::StrAppend(&text, "!", row);
    }
    if (action.kind == Action::Kind::kRelease) {
      absl::StrAppend(&text, "R", action.begin);
      for (const Action::Span& span : action.targets) {
        absl::StrAppend(&text, "[", span.begin, "-", span.end, "]");
      }
      absl::StrAppend(&text, "<", action.none_before);
    }
  }
  return text;
}

RecordingFile File(std::vector<int> classes, std::vector<float> trials = {}) {
  RecordingFile file;
  file.steps = classes.size();
  file.classes = std::move(classes);
  file.release = std::move(trials);
  return file;
}

PlanOptions Options(bool delayed) {
  PlanOptions options;
  options.delayed = delayed;
  options.boundary_reset = false;
  options.steps_per_message = 4;
  return options;
}

TEST(PlanTest, TargetsWithTheStepTravelInMessagesOfTheAskedSize) {
  const Plan plan = PlanFile(File({0, 1, 0, -1, 0, 1}), Options(false));
  EXPECT_EQ(Text(plan), "O0-4t O4-6t");
  EXPECT_EQ(plan.known_before, (std::vector<std::size_t>{0, 1, 2, 3, 4, 5}));
}

TEST(PlanTest, ATrialIsReleasedWhenTheColumnChangesAndAtTheEnd) {
  PlanOptions options = Options(true);
  options.by_trial = true;
  const Plan plan = PlanFile(File({1, 1, 1, 2, 2}, {0, 0, 0, 1, 1}), options);
  EXPECT_EQ(Text(plan), "O0-3 R3[0-3]<3 O3-5 R5[3-5]<5 S");
  EXPECT_EQ(plan.known_before, (std::vector<std::size_t>{0, 0, 0, 3, 3}));
  EXPECT_EQ(plan.trial, (std::vector<int>{0, 0, 0, 1, 1}));
}

TEST(PlanTest, BinsBetweenTrialsAreDeclaredAbsentAtTheBinItself) {
  PlanOptions options = Options(true);
  options.by_trial = true;
  const Plan plan = PlanFile(File({-1, -1, 1, -1, 1, -1, -1}, {-1, -1, 0, 0, 0, -1, -1}), options);
  // The unlabelled bin inside the trial waits for the trial's release.
  EXPECT_EQ(Text(plan), "O0-1 R1<1 O1-2 R2<2 O2-5 R5[2-3][4-5]<5 O5-6 R6<6 O6-7 R7<7 S");
  EXPECT_EQ(plan.known_before, (std::vector<std::size_t>{0, 1, 2, 2, 2, 5, 6}));
}

TEST(PlanTest, DelayedTargetsComeSoManyStepsLater) {
  PlanOptions options = Options(true);
  options.target_delay = 2;
  const Plan plan = PlanFile(File({0, -1, 2, 0}), options);
  EXPECT_EQ(Text(plan), "O0-3 R3[0-1]<1 O3-4 R4<2 R4[2-4]<4 S");
  EXPECT_EQ(plan.known_before, (std::vector<std::size_t>{0, 0, 0, 1}));
}

TEST(PlanTest, WithTheStepADelayedModelHearsOfStepsThatGetNone) {
  EXPECT_EQ(Text(PlanFile(File({0, -1, 2}), Options(true))), "O0-2t R2<2 O2-3t R3<3 S");
}

TEST(PlanTest, ResetsComeAtTheBoundaryAndWhereTheirColumnChanges) {
  PlanOptions options = Options(false);
  options.boundary_reset = true;
  RecordingFile file = File({0, 0, 0, 0, 0, 0});
  file.reset = {0, 0, 0, 1, 1, 2};
  EXPECT_EQ(Text(PlanFile(file, options)), "O0-4t!0!3 O4-6t!5");
}

TEST(PlanTest, WhatIsKnownWhenDoesNotDependOnTheMessages) {
  PlanOptions options = Options(true);
  options.by_trial = true;
  const RecordingFile file = File({-1, 1, 1, 2, 2, 2, -1}, {-1, 0, 0, 1, 1, 1, -1});
  const Plan whole = PlanFile(file, options);
  options.steps_per_message = 1;
  const Plan single = PlanFile(file, options);
  EXPECT_EQ(whole.known_before, single.known_before);
}

TEST(BaselinesTest, TheLastLabelIsTheLastThatWasToldEvenAcrossFiles) {
  PlanOptions options = Options(true);
  options.by_trial = true;
  Recording recording;
  recording.classes = true;
  recording.files = {File({1, 1, 2, 2}, {0, 0, 1, 1}), File({0, 0}, {0, 0})};
  const std::vector<Plan> plans = {PlanFile(recording.files[0], options),
                                   PlanFile(recording.files[1], options)};
  EXPECT_EQ(LastLabels(recording, plans), (std::vector<int>{-1, -1, 1, 1, 2, 2}));
}

TEST(BaselinesTest, MeanAndLastValueKnowOnlyWhatWasTold) {
  PlanOptions options = Options(true);
  options.target_delay = 1;
  Recording recording;
  recording.outputs = 1;
  RecordingFile file;
  file.steps = 4;
  file.targets = {4, 1, {2, 4, 9, 1}};
  recording.files = {file};
  const std::vector<Plan> plans = {PlanFile(file, options)};
  const RegressionBaselines baselines = Baselines(recording, plans);
  EXPECT_EQ(baselines.mean, (std::vector<double>{0, 0, 2, 3}));
  EXPECT_EQ(baselines.last_value, (std::vector<double>{0, 0, 2, 4}));
  EXPECT_NEAR(VarianceFloor(recording)[0], 1e-4 * 9.5, 1e-12);
}

TEST(BaselinesTest, OrderZeroIsKrichevskyTrofimov) {
  Recording recording;
  recording.bytes = true;
  RecordingFile file;
  file.bytes = "aab";
  recording.files = {file};
  const std::vector<double> nats = OrderZeroNats(recording);
  EXPECT_NEAR(nats[0], std::log(128 / .5), 1e-12);
  EXPECT_NEAR(nats[1], std::log(129 / 1.5), 1e-12);
  EXPECT_NEAR(nats[2], std::log(130 / .5), 1e-12);
}

}  // namespace
}  // namespace millrace::client
