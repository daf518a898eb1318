// Every subcommand at once: what --json prints, how exit codes come about, what is completed.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/completion.h"
#include "client/cli/exit_codes.h"
#include "client/cli/help_topics.h"
#include "client/cli/sparkline.h"
#include "client/cli/top_view.h"
#include "client/cli/waiting.h"
#include "tests/client/command_fixture.h"

namespace millrace::client {
namespace {

using Words = std::vector<std::string>;

class EveryCommandTest : public CommandTest {
 protected:
  // Arguments with which each subcommand does its work, by its path.
  std::map<std::string, Words> Arguments() {
    const std::string spec = WriteFile("spec.textproto", kClassSpec);
    const std::string bytes = WriteFile("some.txt", "some text");
    return {{"model create", {"fresh", "--spec", spec}},
            {"model list", {}},
            {"model show", {"m"}},
            {"model delete", {"fresh"}},
            {"parts", {"cell"}},
            {"stream open", {"s", "--model", "m"}},
            {"stream list", {}},
            {"stream show", {"s"}},
            {"stream snapshot", {"s"}},
            {"stream snapshots", {"s"}},
            {"stream delete", {"left-over"}},
            {"stream freeze", {"s"}},
            {"stream unfreeze", {"s"}},
            {"stream reset", {"s"}},
            {"stream settle", {"s"}},
            {"stream shadow", {"s"}},
            {"stream restore", {"s"}},
            {"stream close", {"s"}},
            {"stream accept-loss", {"s"}},
            {"stream set", {"s", "optimizer.rate=1e-4"}},
            {"stream rollback", {"s"}},
            {"stream fork", {"s", "copy"}},
            {"stream variants", {"s"}},
            {"stream serve", {"s"}},
            {"stream guard", {"s", "--take_shadow", "--margin", "0.2", "--units", "30"}},
            {"stream promote", {"s"}},
            {"replay", {"reader", "--bytes", bytes}},
            {"pipe", {"reader", "--summary"}},
            {"stats", {"s"}},
            {"top", {"--once"}},
            {"health", {}},
            {"help", {"streams"}},
            {"completion", {"bash"}}};
  }

  void TearDown() override { close(in_); }
  void SetUp() override {
    MakeModel("m", kClassSpec);
    MakeModel("bytes", kByteSpec);
    Open("s", "m");
    Open("reader", "bytes");
    Open("left-over", "m");
    in_ = open("/dev/null", O_RDONLY);
  }
};

TEST_F(EveryCommandTest, PrintsOneJsonValueAndNothingElseWithJson) {
  std::map<std::string, Words> arguments = Arguments();
  for (const std::string& path : CommandPaths()) {
    ASSERT_EQ(arguments.count(path), 1u) << "no arguments are listed here for " << path;
    Words words = {"--json"};
    for (const auto piece : absl::StrSplit(path, ' ')) words.emplace_back(piece);
    words.insert(words.end(), arguments[path].begin(), arguments[path].end());
    const Ran ran = Run(words);
    EXPECT_EQ(ran.exit_code, kDone) << path << ": " << ran.err;
    EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 1) << path << ": " << ran.out;
    const auto kind = ran.json().kind_case();
    EXPECT_TRUE(kind == google::protobuf::Value::kStructValue ||
                kind == google::protobuf::Value::kListValue)
        << path << ": " << ran.out;
    arguments.erase(path);
  }
  EXPECT_TRUE(arguments.empty()) << "there is no command " << arguments.begin()->first;
}

TEST_F(EveryCommandTest, HasASentenceForEverySubcommandAndOption) {
  CLI::App app;
  Context context;
  AddGlobals(&app, &context);
  AddCommands(&app, &context);
  const std::function<void(const CLI::App&)> look = [&](const CLI::App& command) {
    for (const CLI::Option* option : command.get_options()) {
      EXPECT_FALSE(option->get_description().empty()) << option->get_name();
    }
    for (const CLI::App* below : command.get_subcommands([](const CLI::App*) { return true; })) {
      EXPECT_FALSE(below->get_description().empty()) << below->get_name();
      look(*below);
    }
  };
  look(app);
}

TEST_F(EveryCommandTest, ExitsAsTheTableInHelpSays) {
  EXPECT_EQ(Run({"stream", "show", "s"}).exit_code, kDone);
  EXPECT_EQ(Run({"pipe", "s"}).exit_code, kWrongUse);
  EXPECT_EQ(Run({"stream", "show", "nobody"}).exit_code, kNotFound);
  EXPECT_EQ(Run({"help", "cooking"}).exit_code, kNotFound);
  EXPECT_EQ(Run({"stream", "open", "s", "--set", "rate"}).exit_code, kWrongUse);
  EXPECT_EQ(Run({"model", "create", "m", "--spec", WriteFile("m.textproto", kClassSpec)}).exit_code,
            kRefused);
  stop_ = true;
  EXPECT_EQ(Run({"stream", "list"}).exit_code, kInterrupted);
  stop_ = false;
  server_.Stop();
  EXPECT_EQ(Run({"--timeout_s", "0.2", "health"}).exit_code, kNoAnswer);
  const std::string text = Run({"help", "exit-codes"}).out;
  for (const int code : {kDone, kRefused, kWrongUse, kNoAnswer, kNotFound, kInterrupted}) {
    EXPECT_NE(text.find(absl::StrCat(" ", code, "  ")), std::string::npos) << text;
  }
}

class PipeTest : public EveryCommandTest {
 protected:
  Ran Pipe(const Words& arguments, const std::string& bytes) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    close(in_);
    EXPECT_EQ(write(ends[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    close(ends[1]);
    in_ = ends[0];
    return Run(arguments);
  }
};

TEST_F(PipeTest, ShowsTheSurpriseOfEveryByteOnALineOfItsOwn) {
  const Ran ran = Pipe({"pipe", "reader"}, "a\n\\\xff");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const Words lines = absl::StrSplit(ran.out, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 5u) << ran.out;
  EXPECT_EQ(lines[0], "1\ta\t-");
  EXPECT_EQ(lines[1].substr(0, 5), "2\t\\n\t");
  EXPECT_EQ(lines[2].substr(0, 5), "3\t\\\\\t");
  EXPECT_EQ(lines[3].substr(0, 7), "4\t\\xff\t");
  EXPECT_EQ(lines[4].substr(0, 9), "# 4 bytes");
}

TEST_F(PipeTest, GivesTheMeanOfTheBytesThatWerePredicted) {
  const Ran ran = Pipe({"pipe", "reader", "--json"}, "aaaa");
  EXPECT_EQ(NumberAt(ran.json(), "bytes"), 4);
  EXPECT_EQ(NumberAt(ran.json(), "scored_bytes"), 3);
  double sum = 0;
  for (int t = 1; t < 4; ++t) sum += NumberAt(ran.json(), absl::StrCat("surprise.", t));
  EXPECT_NEAR(NumberAt(ran.json(), "bits_per_byte"), sum / 3, 1e-12);
  EXPECT_FALSE(HasAt(ran.json(), "surprise.0"));
}

TEST_F(PipeTest, OpensTheStreamWithTheModelThatIsNamed) {
  EXPECT_EQ(Pipe({"pipe", "other"}, "a").exit_code, kNotFound);
  EXPECT_EQ(Pipe({"pipe", "other", "--model", "bytes"}, "a").exit_code, kDone);
  const Ran refused = Pipe({"pipe", "s"}, "a");
  EXPECT_NE(refused.err.find("expects a model of bytes"), std::string::npos) << refused.err;
}

TEST_F(EveryCommandTest, HealthSaysWhatIsWrongAndWhatToDo) {
  EXPECT_TRUE(At(Run({"health", "--json"}).json(), "learning").bool_value());
  server_.SetLearning(false);
  const Ran ran = Run({"health"});
  EXPECT_EQ(ran.exit_code, kRefused);
  EXPECT_NE(ran.err.find("make room"), std::string::npos) << ran.err;
}

TEST_F(EveryCommandTest, VariantsAreForkedFromAFileRankedAndPromotedWhereTheyAreBetter) {
  const std::string file =
      WriteFile("rates.textproto",
                "variants { name: 'fast' settings { name: 'optimizer.rate' number: .1 } }");
  EXPECT_EQ(Run({"stream", "fork", "s", "--variants", file}).out,
            "variant s.fast follows s from step 1\n");
  EXPECT_EQ(Run({"stream", "show", "s.fast"}).exit_code, kDone);
  EXPECT_EQ(Run({"stream", "fork", "s"}).exit_code, kWrongUse);
  EXPECT_NE(Run({"stream", "fork", "s", "--variants", WriteFile("bad.textproto", "variant {}")})
                .err.find("bad.textproto:1:"),
            std::string::npos);
  v1::ListVariantsResponse list;
  v1::Variant* variant = list.add_variants();
  variant->set_stream("s.fast");
  variant->set_following(true);
  variant->set_units(400);
  variant->set_mean_loss(.3);
  variant->set_stream_mean_loss(.25);
  server_.SetVariants(list);
  EXPECT_NE(Run({"stream", "variants", "s"}).out.find("s.fast   400    0.3   0.25    -"),
            std::string::npos)
      << Run({"stream", "variants", "s"}).out;
  const Ran refused = Run({"stream", "promote", "s", "fast"});
  EXPECT_EQ(refused.exit_code, kRefused);
  EXPECT_NE(refused.err.find("--force"), std::string::npos) << refused.err;
  EXPECT_EQ(Run({"stream", "promote", "s", "fast", "--force"}).exit_code, kDone);
  list.mutable_variants(0)->set_mean_loss(.2);
  server_.SetVariants(list);
  EXPECT_EQ(Run({"stream", "promote", "s", "s.fast"}).exit_code, kDone);
}

class CompletionTest : public testing::Test {
 protected:
  CompletionTest() {
    AddGlobals(&app_, &context_);
    AddCommands(&app_, &context_);
  }
  Words Of(const Words& words) {
    Words found;
    for (const Candidate& candidate : Complete(app_, words, [](const std::string& what) {
           return what == "STREAM" ? Words{"left", "right"} : Words{};
         })) {
      found.push_back(candidate.word);
    }
    return found;
  }

  CLI::App app_;
  Context context_;
};

TEST_F(CompletionTest, CommandsOptionsChoicesNamesAndFilesComeFromTheTable) {
  EXPECT_EQ(Of({"st"}), (Words{"stream", "stats"}));
  EXPECT_EQ(Of({"stream", "unf"}), Words{"unfreeze"});
  EXPECT_EQ(Of({"--server", "h:1", "stream", "unf"}), Words{"unfreeze"});
  EXPECT_EQ(Of({"stream", "freeze", "l"}), Words{"left"});
  EXPECT_EQ(Of({"stream", "freeze", "left", ""}), Words{});
  EXPECT_EQ(Of({"replay", "left", "--at"}), Words{"--at_file_boundary"});
  EXPECT_EQ(Of({"replay", "left", "--at_file_boundary", "c"}), Words{"continue"});
  EXPECT_EQ(Of({"replay", "left", "--inputs", ""}), Words{kFilesWord});
  EXPECT_EQ(Of({"model", "create", "m", "--spec", "dep"}), Words{kFilesWord});
  EXPECT_EQ(Of({"top", "left", "r"}), Words{"right"});
  EXPECT_EQ(Of({"help", "dur"}), Words{"durability"});
  EXPECT_EQ(Of({"completion", "z"}), Words{"zsh"});
  EXPECT_EQ(Of({"stats", "left", "--js"}), Words{"--json"});
}

TEST(SparklineTest, HeightsAreScaledToWhatIsShownAndGapsStayEmpty) {
  EXPECT_EQ(Sparkline({1, 2, 3, 2}, 4), "▁▅█▅");
  EXPECT_EQ(Sparkline({9, 1, 2}, 2), "▁█");
  EXPECT_EQ(Sparkline({5, 5}, 4), "  ▁▁");
  EXPECT_EQ(Sparkline({1, std::nan(""), 2}, 3), "▁ █");
}

// Characters of UTF-8, not bytes.
std::size_t Columns(const std::string& line) {
  return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

TEST(TopViewTest, TheCourseOfTheLossTakesTheColumnsThatATerminalHasToSpare) {
  TopFrame frame;
  v1::WatchStatsResponse response;
  v1::StreamStats* stats = response.add_stats();
  stats->set_stream("s");
  for (int k = 0; k < 100; ++k) {
    stats->set_live_loss(k);
    frame.Advance(response, 1);
  }
  const std::string narrow = TopLines(frame)[2];
  EXPECT_NE(narrow.find("▁"), std::string::npos) << narrow;
  EXPECT_LE(Columns(narrow), 80u);
  EXPECT_EQ(TopLines(frame)[1].find("GAIN"), std::string::npos);
  frame.columns = 120;
  EXPECT_NE(TopLines(frame)[1].find("GAIN LOSS OVER TIME"), std::string::npos)
      << TopLines(frame)[1];
  EXPECT_LE(Columns(TopLines(frame)[2]), 120u);
  EXPECT_GT(Columns(TopLines(frame)[2]), 100u);
}

TEST(WaitingTest, ALongWaitIsShownAndWipedAndAShortOneIsSilent) {
  std::ostringstream err;
  { const Waiting waiting(&err, "stream settle", absl::Hours(1)); }
  { const Waiting waiting(&err, ""); }
  EXPECT_EQ(err.str(), "");
  {
    const Waiting waiting(&err, "stream settle", absl::Milliseconds(1));
    absl::SleepFor(absl::Milliseconds(100));
  }
  EXPECT_NE(err.str().find("stream settle: waiting for the server, 0 s"), std::string::npos);
  EXPECT_EQ(err.str().substr(err.str().size() - 4), "\r\033[K");
}

}  // namespace
}  // namespace millrace::client
