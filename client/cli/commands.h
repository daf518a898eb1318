// The command `millrace`: what its subcommands are, and how one of them runs.
//
// Each Add... function gives `app` its subcommands; parsing one sets `context->action`. Answers go
// to `out` (with --json nothing else does), remarks and progress to `err`. Errors are one line:
// "millrace: SENTENCE (REASON)". Exit codes: 0 done; 1 refused or failed; 2 wrong use, or arguments
// that the server calls invalid; 3 the server did not answer; 4 no such model, stream or file; 130
// interrupted.
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
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  bool out_terminal = false;
  bool err_terminal = false;
  // Set by Ctrl-C.
  const std::atomic<bool>* stop = nullptr;
};

struct Context {
  Io io;
  bool json = false;
  std::function<absl::Status(Client&)> action;

  // Prints `object` on one line with --json, else calls `text`.
  void Show(const Json& object, const std::function<void(std::ostream&)>& text) const;
  // Prints `object` with --json, else indented "name: value" lines.
  void ShowMembers(const google::protobuf::Message& message) const;
};

void AddModelCommands(CLI::App* app, Context* context);
void AddStreamCommands(CLI::App* app, Context* context);
void AddStreamActions(CLI::App* stream, Context* context);
void AddStatsCommands(CLI::App* app, Context* context);
void AddReplayCommand(CLI::App* app, Context* context);

// "optimizer.rate=1e-4": true and false are flags, then whole numbers, numbers, texts.
absl::StatusOr<std::vector<v1::Setting>> ParseSettings(const std::vector<std::string>& texts);
std::string SettingText(const v1::Setting& setting);

// Rows of cells, the first of them a header; columns are aligned.
void PrintTable(std::ostream& out, const std::vector<std::vector<std::string>>& rows);

int ExitCode(const absl::Status& status);

// The whole command. `arguments` without the program's name.
int RunCommand(const std::vector<std::string>& arguments, const Io& io);

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_COMMANDS_H_
