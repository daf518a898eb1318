// millrace replay
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "client/cli/commands.h"
#include "client/cli/replay.h"

namespace millrace::client {
namespace {

struct Arguments {
  ReplayOptions replay;
  std::string at_file_boundary = "reset";
  double patience_s = 120;
};

void AddRecordingOptions(CLI::App* command, RecordingOptions* recording) {
  command
      ->add_option("--inputs", recording->inputs,
                   "Inputs [steps, inputs]: .npy of float32, float64, uint8 or int16")
      ->expected(1, -1)
      ->type_name("X.npy");
  command->add_option("--bytes", recording->bytes, "Files whose bytes are the steps")
      ->expected(1, -1)
      ->type_name("FILE");
  command->add_option("--targets", recording->targets, "Targets, a file for each of the inputs")
      ->expected(1, -1)
      ->type_name("Y.npy");
  command
      ->add_option("--target_columns", recording->target_columns,
                   "Columns of the targets to learn, e.g. 0,1; default all")
      ->delimiter(',')
      ->expected(1, -1);
  command->add_option("--class_column", recording->class_column,
                      "Column that holds the class to learn");
  command
      ->add_option("--ignore_class", recording->ignore_class,
                   "Class that means: no target at this step")
      ->capture_default_str();
  command->add_option(
      "--release_column", recording->release_column,
      "Targets are told when this column changes (a trial ends), and at the end of a "
      "file");
  command->add_option("--reset_column", recording->reset_column,
                      "The stream is reset before a step at which this column changes");
}

void AddPlayOptions(CLI::App* command, Arguments* arguments) {
  ReplayOptions& replay = arguments->replay;
  command
      ->add_option("--target_delay", replay.target_delay,
                   "Targets are told this many steps later; 0 with the step")
      ->capture_default_str();
  command
      ->add_option("--at_file_boundary", arguments->at_file_boundary,
                   "reset: zero the hidden state at the start of each file; continue")
      ->check(CLI::IsMember({"reset", "continue"}))
      ->capture_default_str();
  command->add_option("--rate_hz", replay.rate_hz, "Steps a second; 0 as fast as it will go")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      ->add_option("--steps_per_message", replay.steps_per_message,
                   "Most steps that are sent together")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command
      ->add_option("--in_flight", replay.in_flight,
                   "Messages that may be unanswered; 1 shows the latency of a round trip")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_flag("--resume", replay.resume, "Go on where the stream stands");
  command->add_option("--first_seq", replay.first_seq,
                      "Number of the recording's first step; default 1 with --resume, else the "
                      "stream's next");
  command->add_option("--shadow_after_file", replay.shadow_after_file,
                      "Take the shadow at the end of this file; the first is 1");
  command
      ->add_option("--patience_s", arguments->patience_s,
                   "How long to wait for a server that went away")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

// A number to four digits; anything else (r2 has one a target) as it is.
std::string Figure(const Json& value) {
  const std::string text = value.Text();
  double number = 0;
  return absl::SimpleAtod(text, &number) ? absl::StrFormat("%.4g", number) : text;
}

void PrintScore(std::ostream& out, const Json& score, const std::string& name) {
  std::string line = name + ":";
  for (const char* member : {"loss", "accuracy", "accuracy_trial", "accuracy_balanced", "kappa",
                             "bits_per_byte", "r2"}) {
    if (const Json* value = score.Find(member))
      line += std::string(" ") + member + " " + Figure(*value);
  }
  out << line << "\n";
}

absl::Status Run(const Context& context, Client& client, const Arguments& arguments) {
  static const std::atomic<bool> kNever = false;
  ReplayOptions options = arguments.replay;
  options.boundary_reset = arguments.at_file_boundary == "reset";
  options.patience = absl::Seconds(arguments.patience_s);
  Progress progress(context.io.err, context.io.err_terminal);
  Replay replay(&client, options, &progress, context.io.stop ? context.io.stop : &kNever);
  const auto report = replay.Run();
  if (!report.ok()) return report.status();
  context.Show(*report, [&](std::ostream& out) {
    PrintScore(out, *report, "live");
    if (const Json* shadow = report->Find("shadow")) PrintScore(out, *shadow, "shadow");
    if (const Json* baselines = report->Find("baselines")) {
      for (const char* name : {"mean", "last_value", "last_label", "order0"}) {
        if (const Json* baseline = baselines->Find(name)) PrintScore(out, *baseline, name);
      }
    }
    out << report->Text(true) << "\n";
  });
  return absl::OkStatus();
}

}  // namespace

void AddReplayCommand(CLI::App* app, Context* context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* replay =
      app->add_subcommand("replay", "Play a recording through a stream and score its predictions");
  replay->add_option("STREAM", arguments->replay.stream, "Name of the stream")->required();
  AddRecordingOptions(replay, &arguments->replay.recording);
  AddPlayOptions(replay, arguments.get());
  replay->callback([=] {
    context->shows_progress = true;
    context->action = [=](Client& client) { return Run(*context, client, *arguments); };
  });
}

}  // namespace millrace::client
