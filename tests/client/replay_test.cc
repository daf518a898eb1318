// `millrace replay` from end to end against the fake server, whose toy learner makes every figure
// computable by hand.
#include <cmath>

#include "tests/client/command_fixture.h"

namespace millrace::client {
namespace {

class ReplayTest : public CommandTest {
 protected:
  // Two sessions: labels of trials, -1 between them. Columns: class, trial.
  void MakeSessions() {
    inputs_ = {WriteNpy("x0.npy", 1, {1, 2, 3, 4, 5, 6, 7}), WriteNpy("x1.npy", 1, {8, 9, 10, 11})};
    targets_ = {WriteNpy("y0.npy", 2, {-1, -1, 1, 0, 1, 0, -1, -1, 2, 1, 2, 1, 2, 1}),
                WriteNpy("y1.npy", 2, {2, 0, 2, 0, 2, 1, 2, 1})};
    MakeModel("m", kClassSpec);
  }

  std::vector<std::string> Sessions(const std::string& stream) {
    return {"replay",    stream,
            "--json",    "--inputs",
            inputs_[0],  inputs_[1],
            "--targets", targets_[0],
            targets_[1], "--class_column",
            "0",         "--release_column",
            "1",         "--steps_per_message",
            "3"};
  }

  std::vector<std::string> inputs_, targets_;
};

std::vector<std::string> With(std::vector<std::string> arguments,
                              const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST_F(ReplayTest, ScoresWhatWasServedUnderTheReleaseRule) {
  MakeSessions();
  Open("s", "m");
  const Ran ran = Run(Sessions("s"));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const auto report = ran.json();
  EXPECT_EQ(NumberAt(report, "steps"), 11);
  EXPECT_EQ(NumberAt(report, "applied_seq"), 11);
  EXPECT_EQ(NumberAt(report, "learned_seq"), 11);
  EXPECT_EQ(NumberAt(report, "lost_predictions"), 0);
  for (const char* member : {"wall_s", "steps_per_s", "latency_us.p50", "latency_us.p99", "loss"}) {
    EXPECT_GT(NumberAt(report, member), 0) << member;
  }
  // Counts of classes learned when each labelled row is predicted: rows 1, 2 none (class 0 wins the
  // tie); rows 4-6 two of class 1; second file three of class 2 besides.
  EXPECT_EQ(NumberAt(report, "files.0.scored_steps"), 5);
  EXPECT_NEAR(NumberAt(report, "files.0.accuracy"), 0, 1e-12);
  EXPECT_NEAR(NumberAt(report, "files.1.accuracy"), 1, 1e-12);
  EXPECT_NEAR(NumberAt(report, "accuracy"), 4.0 / 9, 1e-12);
  EXPECT_NEAR(NumberAt(report, "accuracy_trial"), 2.0 / 4, 1e-12);
  EXPECT_NEAR(NumberAt(report, "accuracy_balanced"), (0 + 4.0 / 7) / 2, 1e-12);
  // The last label: unknown, unknown; 1 1 1; then 2 throughout.
  EXPECT_NEAR(NumberAt(report, "baselines.last_label.accuracy"), 4.0 / 9, 1e-12);
  EXPECT_NEAR(NumberAt(report, "kappa"), 0, 1e-12);
  // Logits log(n + 1/2): p(1) = .5/1.5 at two rows; p(2) = .5/3.5 at three; p(2) = 3.5/6.5 at two,
  // then 5.5/8.5.
  const double loss =
      (2 * std::log(3.0) + 3 * std::log(7.0) + 2 * std::log(6.5 / 3.5) + 2 * std::log(8.5 / 5.5)) /
      9;
  EXPECT_NEAR(NumberAt(report, "loss"), loss, 1e-6);
  EXPECT_FALSE(HasAt(report, "shadow"));
}

TEST_F(ReplayTest, SendsReleasesSettlesAndBoundaryResetsInPlace) {
  MakeSessions();
  Open("s", "m");
  ASSERT_EQ(Run(Sessions("s")).exit_code, 0);
  server_.WithStream("s", [](FakeStream& s) {
    EXPECT_EQ(s.learned,
              (std::vector<std::pair<std::uint64_t, float>>{
                  {2, 1}, {3, 1}, {5, 2}, {6, 2}, {7, 2}, {8, 2}, {9, 2}, {10, 2}, {11, 2}}));
    EXPECT_EQ(s.resets, (std::vector<std::uint64_t>{7}));
    EXPECT_EQ(s.settles, (std::vector<std::uint64_t>{7, 11}));
    ASSERT_EQ(s.releases.size(), 6u);
    EXPECT_EQ(s.releases[0].no_target_through(), 1u);  // a bin between trials, at the bin
    EXPECT_EQ(s.releases[1].no_target_through(), 3u);  // the first trial
    EXPECT_EQ(s.releases[1].blocks(0).first_seq(), 2u);
    EXPECT_EQ(s.releases[1].blocks(0).steps(), 2u);
  });
}

TEST_F(ReplayTest, LabelsAtEveryBinScoreOtherThanLabelsAtTrialEnds) {
  MakeSessions();
  Open("late", "m");
  Open("on_time", "m");
  auto on_time = Sessions("on_time");
  on_time.erase(on_time.begin() + 11, on_time.begin() + 13);  // --release_column 1
  const auto late = Run(Sessions("late")).json();
  const Ran ran = Run(on_time);
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_GT(NumberAt(ran.json(), "accuracy"), NumberAt(late, "accuracy"));
}

TEST_F(ReplayTest, TheShadowTakenAfterAFileIsScoredOnTheFilesAfterIt) {
  MakeSessions();
  Open("s", "m");
  const Ran ran = Run(With(Sessions("s"), {"--shadow_after_file", "1"}));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const auto report = ran.json();
  EXPECT_FALSE(HasAt(report, "files.0.shadow"));
  EXPECT_EQ(NumberAt(report, "files.1.shadow.scored_steps"), 4);
  EXPECT_NEAR(NumberAt(report, "files.1.shadow.loss"), std::log(6.5 / 3.5), 1e-6);
  EXPECT_NEAR(NumberAt(report, "gain"),
              NumberAt(report, "files.1.shadow.loss") - NumberAt(report, "files.1.loss"), 1e-6);
  EXPECT_EQ(NumberAt(report, "recovery"), .5);
  EXPECT_EQ(NumberAt(report, "files.0.shifts.0.seq"), 7);
  server_.WithStream("s", [](FakeStream& s) { EXPECT_EQ(s.shadow_seq, 7u); });
}

TEST_F(ReplayTest, ResumingAfterAnyInterruptionEndsInTheStateOfOneRun) {
  MakeSessions();
  Open("whole", "m");
  ASSERT_EQ(Run(With(Sessions("whole"), {"--shadow_after_file", "1"})).exit_code, 0);
  // From the n-th part on the first run is refused, at every n.
  for (int n = 1; n <= 16; ++n) {
    const std::string stream = "s" + std::to_string(n);
    Open(stream, "m");
    int part_number = 0;
    server_.OnPart([&](const v1::LearnPart& part) {
      if (part.has_attach() || ++part_number < n) return Fault();
      return Fault{Fault::Kind::kRefuse,
                   FakeError(absl::StatusCode::kFailedPrecondition, "FENCED", "fenced")};
    });
    const Ran broken = Run(With(Sessions(stream), {"--shadow_after_file", "1"}));
    server_.OnPart(nullptr);
    if (n <= 12) {
      EXPECT_EQ(broken.exit_code, 1) << n;
    }
    const Ran resumed = Run(With(Sessions(stream), {"--shadow_after_file", "1", "--resume"}));
    ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
    EXPECT_EQ(NumberAt(resumed.json(), "applied_seq"), 11);
    server_.WithStream(stream, [&](FakeStream& s) {
      EXPECT_EQ(s.duplicate_steps, 0) << n;
      EXPECT_EQ(s.releases.size(), 6u) << n;
      EXPECT_EQ(s.learned.size(), 9u) << n;
      EXPECT_EQ(s.resets, (std::vector<std::uint64_t>{7})) << n;
      EXPECT_EQ(s.shadow_seq, 7u) << n;
      EXPECT_EQ(s.learned_seq, 11u) << n;
    });
  }
}

TEST_F(ReplayTest, AServerThatDiesAndComesBackIsSurvived) {
  MakeSessions();
  Open("s", "m");
  int parts = 0;
  server_.OnPart([&](const v1::LearnPart& part) {
    if (part.has_attach() || ++parts % 4 != 0) return Fault();
    return Fault{Fault::Kind::kDropAfter, {}};
  });
  const Ran ran = Run(Sessions("s"));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_GT(NumberAt(ran.json(), "reconnects"), 0);
  EXPECT_GT(NumberAt(ran.json(), "lost_predictions"), 0);
  // Two of the eleven have no label, and may or may not be among the lost.
  const double answered = NumberAt(ran.json(), "scored_steps");
  EXPECT_LT(answered, 9);
  EXPECT_GE(answered + NumberAt(ran.json(), "lost_predictions"), 9);
  server_.WithStream("s", [](FakeStream& s) {
    EXPECT_EQ(s.duplicate_steps, 0);
    EXPECT_EQ(s.learned.size(), 9u);
  });
}

TEST_F(ReplayTest, AnAdministrationThatIsAwayForAWhileIsAskedAgain) {
  MakeSessions();
  Open("s", "m");
  server_.OnPart([&](const v1::LearnPart& part) {
    if (part.has_settle()) server_.RefuseAdministrationLocked(4);
    return Fault();
  });
  const Ran ran =
      Run(With({"--timeout_s", "0.15"}, With(Sessions("s"), {"--shadow_after_file", "1"})));
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  server_.WithStream("s", [](FakeStream& s) { EXPECT_EQ(s.shadow_seq, 7u); });
}

TEST_F(ReplayTest, ResumeOfARecordingThatBeganLaterCountsFromItsFirstStep) {
  MakeSessions();
  Open("s", "m");
  ASSERT_EQ(Run(Sessions("s")).exit_code, 0);
  auto again = Sessions("s");
  EXPECT_EQ(Run(With(again, {"--resume", "--first_seq", "14"})).exit_code, 2);
  const Ran second = Run(With(again, {"--resume", "--first_seq", "12"}));
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(NumberAt(second.json(), "steps"), 11);
  EXPECT_EQ(NumberAt(second.json(), "applied_seq"), 22);
  server_.WithStream("s", [](FakeStream& s) {
    EXPECT_EQ(s.resets, (std::vector<std::uint64_t>{7, 11, 18}));
  });
}

TEST_F(ReplayTest, BytesOfACountingLearnerCostWhatOrderZeroCosts) {
  MakeModel("b", kByteSpec);
  Open("s", "b");
  const std::string one = WriteFile("one.txt", "abracadabra");
  const std::string two = WriteFile("two.txt", "hocus pocus");
  const Ran ran = Run({"replay", "s", "--json", "--bytes", one, two, "--steps_per_message", "4"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const auto report = ran.json();
  EXPECT_EQ(NumberAt(report, "steps"), 22);
  EXPECT_EQ(NumberAt(report, "scored_steps"), 20);  // no prediction crosses the boundary
  EXPECT_GT(NumberAt(report, "files.1.bits_per_byte"), 5);
  // The learner never learns the first byte, so that it knows one count less.
  EXPECT_NEAR(NumberAt(report, "bits_per_byte"), NumberAt(report, "baselines.order0.bits_per_byte"),
              .2);
  Open("t", "b");
  const Ran across =
      Run({"replay", "t", "--json", "--bytes", one, two, "--at_file_boundary", "continue"});
  EXPECT_EQ(NumberAt(across.json(), "scored_steps"), 21);
  server_.WithStream("t", [](FakeStream& s) { EXPECT_TRUE(s.resets.empty()); });
}

TEST_F(ReplayTest, ShiftsThatTheServerForgetsWithinALongFileAreKept) {
  MakeModel("b", kByteSpec);
  Open("s", "b");
  const Ran ran =
      Run({"replay", "s", "--json", "--bytes", WriteFile("long.txt", std::string(9000, 'a'))});
  EXPECT_TRUE(HasAt(ran.json(), "files.0.shifts.1.seq")) << ran.out;
}

TEST_F(ReplayTest, RegressionGivesR2PerTargetAndItsBaselines) {
  MakeModel("v", kValueSpec);
  Open("s", "v");
  const std::string x = WriteNpy("x.npy", 1, {0, 0, 0, 0});
  const std::string y = WriteNpy("y.npy", 3, {1, 7, 2, 3, 7, 4, 5, 7, 8, 7, 7, 2});
  const Ran ran =
      Run({"replay", "s", "--json", "--inputs", x, "--targets", y, "--target_columns", "0,1"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const auto report = ran.json();
  // Predictions are the mean of the targets before: 0 1 2 3 for 1 3 5 7, and 0 7 7 7 for 7 7 7 7.
  EXPECT_NEAR(NumberAt(report, "r2.0"), 1 - (1 + 4 + 9 + 16) / 20.0, 1e-6);
  EXPECT_TRUE(At(report, "r2.1").has_null_value());
  EXPECT_NEAR(NumberAt(report, "loss"), ((1 + 4 + 9 + 16) + 49) / 8.0, 1e-5);
  EXPECT_NEAR(NumberAt(report, "baselines.mean.loss"), NumberAt(report, "loss"), 1e-5);
  EXPECT_NEAR(NumberAt(report, "baselines.last_value.r2.0"), 1 - (1 + 4 + 4 + 4) / 20.0, 1e-6);
}

TEST_F(ReplayTest, ARecordingThatDoesNotFitItsModelIsRefusedBeforeItIsPlayed) {
  MakeSessions();
  MakeModel("v", kValueSpec);
  Open("s", "m");
  Open("v", "v");
  const std::string wide = WriteNpy("wide.npy", 3, {1, 2, 3});
  const std::string halves = WriteNpy("halves.npy", 1, {.5f});
  struct Case {
    std::vector<std::string> arguments;
    const char* sentence;
  };
  for (const auto& [arguments, sentence] : std::vector<Case>{
           {{"s", "--inputs", wide, "--targets", wide, "--class_column", "0"},
            "has 3 inputs; model 'm' expects 1"},
           {{"s", "--bytes", wide}, "takes vector input"},
           {{"s", "--inputs", inputs_[0]}, "give --targets"},
           {{"s", "--inputs", inputs_[0], "--targets", targets_[1]}, "row by row"},
           {{"s", "--inputs", inputs_[0], "--targets", targets_[0]}, "--class_column"},
           {{"s", "--inputs", inputs_[0], "--targets", targets_[0], "--class_column", "9"},
            "has 2 columns"},
           {{"s", "--inputs", inputs_[0], "--targets", inputs_[0], "--class_column", "0"},
            "classes end at 2"},
           {{"s", "--inputs", wide, "--targets", halves, "--class_column", "0"},
            "class is 0.5 at row 0"},
           {{"v", "--inputs", inputs_[1], "--targets", targets_[1], "--target_delay", "2"},
            "need 'delayed'"},
           {{"v", "--inputs", inputs_[1], "--targets", inputs_[1]},
            "has 1 targets; model 'v' has 2"},
           {{"s"}, "expected either --inputs or --bytes"},
       }) {
    const Ran ran = Run(With({"replay"}, arguments));
    EXPECT_EQ(ran.exit_code, 2) << sentence;
    EXPECT_NE(ran.err.find(sentence), std::string::npos) << ran.err;
    EXPECT_EQ(ran.out, "");
  }
  server_.WithStream("s", [](FakeStream& s) { EXPECT_EQ(s.applied_seq, 0u); });
}

TEST_F(ReplayTest, ProgressGoesToStandardErrorAndJsonAloneToStandardOutput) {
  MakeSessions();
  Open("s", "m");
  const Ran ran = Run(Sessions("s"));
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 1);
  EXPECT_NE(ran.err.find("1/2 "), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("accuracy 0.000"), std::string::npos) << ran.err;
}

TEST_F(ReplayTest, APaceIsKept) {
  MakeSessions();
  Open("s", "m");
  const Ran ran = Run(With(Sessions("s"), {"--rate_hz", "100", "--steps_per_message", "1"}));
  ASSERT_EQ(ran.exit_code, 2) << "steps_per_message is given twice";
  auto single = Sessions("s");
  single.back() = "1";
  const auto report = Run(With(single, {"--rate_hz", "100"})).json();
  EXPECT_GE(NumberAt(report, "wall_s"), .11);
}

TEST_F(ReplayTest, CtrlCFinishesWhatIsUnderWayAndReportsIt) {
  MakeSessions();
  Open("s", "m");
  int parts = 0;
  server_.OnPart([&](const v1::LearnPart&) {
    if (++parts == 4) stop_ = true;
    return Fault();
  });
  const Ran ran = Run(With(Sessions("s"), {"--in_flight", "1"}));
  EXPECT_EQ(ran.exit_code, 130);
  const auto report = ran.json();
  EXPECT_TRUE(At(report, "interrupted").bool_value());
  EXPECT_LT(NumberAt(report, "steps"), 11);
  EXPECT_EQ(NumberAt(report, "steps"), NumberAt(report, "applied_seq"));
}

}  // namespace
}  // namespace millrace::client
