// The command `millrace`: what its subcommands are, and how one of them runs.
//
// Each Add... function gives `app` its subcommands; parsing one sets `context->action`. Answers go
// to `out` (with --json nothing else does), remarks and progress to `err`. Errors are one line:
// "millrace: SENTENCE (REASON)". Exit codes are in exit_codes.h.
#ifndef MILLRACE_CLIENT_CLI_COMMANDS_H_
#define MILLRACE_CLIENT_CLI_COMMANDS_H_

#include <atomic>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/json.h"
#include "client/cpp/client.h"
#include "millrace/v1/model.pb.h"

namespace CLI {
class App;
}

namespace millrace::client {

struct Io {
  int in = 0;  // file descriptor of standard input
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  bool out_terminal = false;
  bool err_terminal = false;
  // Set by Ctrl-C.
  const std::atomic<bool>* stop = nullptr;
};

// What every command takes.
struct Globals {
  std::string server = "127.0.0.1:7070";
  bool tls = false;
  TlsOptions tls_options;
  double timeout_s = 10;
};

struct Context {
  Io io;
  bool json = false;
  Globals globals;
  // What the parsed subcommand does: one of the two is set.
  std::function<absl::Status(Client&)> action;
  std::function<absl::Status()> local_action;  // needs no server
  bool shows_progress = false;                 // the action does, or ends by itself only when asked
  std::string waiting_for;                     // else the subcommand, e.g. "stream settle"

  // Prints `object` on one line with --json, else calls `text`.
  void Show(const Json& object, const std::function<void(std::ostream&)>& text) const;
  // Prints `object` with --json, else indented "name: value" lines.
  void ShowMembers(const google::protobuf::Message& message) const;
};

void AddModelCommands(CLI::App* app, Context* context);
void AddStreamCommands(CLI::App* app, Context* context);
void AddSafetyCommands(CLI::App* stream, Context* context);
void AddVariantCommands(CLI::App* stream, Context* context);
// The variant's state becomes the stream's; unless forced, only where its loss is no higher.
absl::Status PromoteVariant(const Context& context, Client& client, const std::string& stream,
                            const std::string& variant, bool force);
void AddStatsCommands(CLI::App* app, Context* context);
void AddReplayCommand(CLI::App* app, Context* context);
void AddPipeCommand(CLI::App* app, Context* context);
void AddHealthCommand(CLI::App* app, Context* context);
void AddHelpCommand(CLI::App* app, Context* context);
void AddCompletionCommand(CLI::App* app, Context* context);

// Global options and every subcommand.
void AddGlobals(CLI::App* app, Context* context);
void AddCommands(CLI::App* app, Context* context);
ConnectOptions OptionsOf(const Globals& globals);
// Every subcommand that does something, e.g. "stream open", in the order of --help.
std::vector<std::string> CommandPaths();

// "optimizer.rate=1e-4": true and false are flags, then whole numbers, numbers, texts.
absl::StatusOr<std::vector<v1::Setting>> ParseSettings(const std::vector<std::string>& texts);
std::string SettingText(const v1::Setting& setting);

// Rows of cells, the first of them a header; columns are aligned.
void PrintTable(std::ostream& out, const std::vector<std::vector<std::string>>& rows);

// The whole command. `arguments` without the program's name.
int RunCommand(const std::vector<std::string>& arguments, const Io& io);

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_COMMANDS_H_
