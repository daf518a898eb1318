#include "client/cli/commands.h"

#include "client/cli/spec_file.h"
#include "client/cli/top_view.h"
#include "tests/client/command_fixture.h"

namespace millrace::client {
namespace {

TEST_F(CommandTest, AModelIsCreatedListedShownAndDeleted) {
  MakeModel("bci", kClassSpec);
  EXPECT_EQ(At(Run({"model", "list", "--json"}).json(), "0.name").string_value(), "bci");
  const Ran shown = Run({"model", "show", "bci"});
  const auto spec = ParseSpec(shown.out, "shown");
  ASSERT_TRUE(spec.ok()) << spec.status() << "\n" << shown.out;
  EXPECT_EQ(spec->head().settings(0).integer(), 3);
  EXPECT_EQ(Run({"model", "delete", "bci"}).exit_code, 0);
  EXPECT_EQ(Run({"model", "show", "bci"}).exit_code, 4);
}

TEST_F(CommandTest, ASpecificationThatCannotBeReadNamesThePlace) {
  const std::string path = WriteFile("bad.textproto", "cell {\n  nane: 'vanilla'\n}\n");
  const Ran ran = Run({"model", "create", "m", "--spec", path});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_NE(ran.err.find(path + ":2:"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("nane"), std::string::npos) << ran.err;
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1);
}

TEST_F(CommandTest, AStreamIsOpenedShownFrozenAndListed) {
  MakeModel("m", kClassSpec);
  EXPECT_NE(
      Run({"stream", "open", "s", "--model", "m", "--seed", "7", "--set", "optimizer.rate=1e-4"})
          .out.find("created stream s"),
      std::string::npos);
  const auto shown = Run({"stream", "show", "s", "--json"}).json();
  for (const char* member : {"applied_seq", "durable_seq", "digest", "learner_digest"}) {
    EXPECT_TRUE(HasAt(shown, member)) << member;
  }
  EXPECT_EQ(NumberAt(shown, "seed"), 7);
  EXPECT_TRUE(At(Run({"stream", "freeze", "s", "--json"}).json(), "frozen").bool_value());
  EXPECT_FALSE(At(Run({"stream", "unfreeze", "s", "--json"}).json(), "frozen").bool_value());
  EXPECT_NE(Run({"stream", "list"}).out.find("STREAM"), std::string::npos);
  EXPECT_EQ(At(Run({"stream", "list", "--json"}).json(), "0.model").string_value(), "m");
}

TEST_F(CommandTest, ErrorsAreOneLineWithTheServersSentenceAndReason) {
  const Ran ran = Run({"stream", "show", "nobody", "--json"});
  EXPECT_EQ(ran.exit_code, 4);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "millrace: stream 'nobody' does not exist (NO_STREAM)\n");
}

TEST_F(CommandTest, WrongUseIsToldInOneLine) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"stream", "show"},
                                                    {"dance"},
                                                    {"stream"},
                                                    {"replay", "s", "--rate_hz", "-1"}}) {
    const Ran ran = Run(arguments);
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  }
}

TEST_F(CommandTest, AServerThatDoesNotAnswerIsExitCodeThree) {
  server_.Stop();
  const Ran ran = Run({"--timeout_s", "0.2", "model", "list"});
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_NE(ran.err.find("is it running?"), std::string::npos) << ran.err;
}

TEST_F(CommandTest, PartsShowEverySettingOfTheServersTable) {
  const Ran ran = Run({"parts", "cell"});
  EXPECT_NE(ran.out.find("cell \"vanilla\": Leaky tanh units."), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("units  integer  required  >= 1"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("leak   number   = 1       >= 0, <= 1"), std::string::npos) << ran.out;
  EXPECT_EQ(Run({"parts", "wheel"}).exit_code, 4);
}

TEST_F(CommandTest, StatsAndOneFrameOfTopAreShown) {
  MakeModel("m", kClassSpec);
  Open("s", "m");
  EXPECT_EQ(At(Run({"stats", "s", "--json"}).json(), "serving").string_value(), "live");
  const Ran top = Run({"top", "--once"});
  EXPECT_EQ(top.exit_code, 0);
  EXPECT_NE(top.out.find("\ns  "), std::string::npos) << top.out;
  EXPECT_EQ(At(Run({"top", "--once", "--json"}).json(), "stats.0.stream").string_value(), "s");
}

TEST(ParseSettingsTest, ValuesTakeTheTypeTheyLookLike) {
  const auto settings = ParseSettings({"a.b=true", "a.c=3", "a.d=1e-4", "a.e=hold"});
  ASSERT_TRUE(settings.ok());
  EXPECT_TRUE((*settings)[0].flag());
  EXPECT_EQ((*settings)[1].integer(), 3);
  EXPECT_EQ((*settings)[2].number(), 1e-4);
  EXPECT_EQ((*settings)[3].text(), "hold");
  EXPECT_EQ((*settings)[1].name(), "a.c");
  EXPECT_FALSE(ParseSettings({"rate"}).ok());
  EXPECT_FALSE(ParseSettings({"=3"}).ok());
}

TEST(TopViewTest, EveryLineFitsEightyColumnsWhateverTheFigures) {
  TopFrame frame;
  frame.server = std::string(100, 'h');
  frame.elapsed_s = 1e-6;
  v1::StreamStats* stats = frame.now.add_stats();
  stats->set_stream(std::string(128, 's'));
  stats->set_applied_seq(9999999999u);
  for (auto set : {&v1::StreamStats::set_live_loss, &v1::StreamStats::set_shadow_loss,
                   &v1::StreamStats::set_gain, &v1::StreamStats::set_recovery}) {
    (stats->*set)(-123456789.125);
  }
  stats->set_frozen(true);
  frame.before = frame.now;
  frame.before.mutable_stats(0)->set_applied_seq(0);
  for (const std::string& line : TopLines(frame)) EXPECT_LE(line.size(), 80u) << line;
}

TEST(TopViewTest, RatesAndFlagsAreShown) {
  TopFrame frame;
  frame.elapsed_s = 2;
  v1::StreamStats* stats = frame.now.add_stats();
  stats->set_stream("s");
  stats->set_applied_seq(300);
  stats->set_live_loss(.25);
  stats->set_frozen(true);
  stats->set_serving("shadow");
  frame.before = frame.now;
  frame.before.mutable_stats(0)->set_applied_seq(100);
  const std::string line = TopLines(frame)[2];
  EXPECT_NE(line.find(" 100.0000 "), std::string::npos) << line;
  EXPECT_NE(line.find("0.2500"), std::string::npos) << line;
  EXPECT_NE(line.find(" FS"), std::string::npos) << line;
  stats->add_advice()->set_code("LOW_COSINE");
  EXPECT_NE(TopLines(frame)[2].find(" FSA"), std::string::npos) << TopLines(frame)[2];
}

}  // namespace
}  // namespace millrace::client
