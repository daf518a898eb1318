// The whole command: its global options, its subcommands, and how one of them runs.
#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/completion.h"
#include "client/cli/exit_codes.h"
#include "client/cli/waiting.h"
#include "client/cpp/status.h"

namespace millrace::client {
namespace {

constexpr char kAbout[] =
    "Streams that learn online: models, streams, replays and statistics of a server.";

absl::Status Act(const Context& context) {
  if (context.local_action) return context.local_action();
  auto client = Client::Connect(OptionsOf(context.globals));
  if (!client.ok()) return client.status();
  const Waiting waiting(context.io.err, context.io.err_terminal ? context.waiting_for : "");
  return context.action(**client);
}

// The names of the subcommands that were parsed, e.g. "stream settle".
std::string ParsedPath(const CLI::App& app) {
  std::string path;
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    absl::StrAppend(&path, path.empty() ? "" : " ", at->get_name());
  }
  return path;
}

void AddPaths(const CLI::App& app, const std::string& before, std::vector<std::string>* paths) {
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    const std::string path = absl::StrCat(before, before.empty() ? "" : " ", command->get_name());
    const std::size_t known = paths->size();
    AddPaths(*command, path, paths);
    if (paths->size() == known) paths->push_back(path);
  }
}

int Report(const absl::Status& status, const Io& io) {
  if (status.ok()) return io.stop != nullptr && *io.stop ? kInterrupted : kDone;
  const std::string reason = ReasonOf(status);
  *io.err << "millrace: " << status.message()
          << (reason.empty() ? "" : absl::StrCat(" (", reason, ")")) << std::endl;
  return ExitCode(status);
}

}  // namespace

void AddGlobals(CLI::App* app, Context* context) {
  Globals* globals = &context->globals;
  app->add_option("--server", globals->server, "Server to talk to")
      ->type_name("HOST:PORT")
      ->envname("MILLRACE_SERVER")
      ->capture_default_str();
  app->add_flag("--json", context->json, "Print one JSON value on standard output");
  app->add_option("--timeout_s", globals->timeout_s, "Time for an administrative call")
      ->check(CLI::PositiveNumber)
      ->type_name("SECONDS")
      ->capture_default_str();
  app->add_flag("--tls", globals->tls, "Use TLS with the system's root certificates");
  app->add_option("--tls_root", globals->tls_options.root_certificates_file,
                  "Root certificates (PEM); implies --tls")
      ->type_name("FILE");
  app->add_option("--tls_certificate", globals->tls_options.certificate_file,
                  "Certificate of this client (PEM), with --tls_key; implies --tls")
      ->type_name("FILE");
  app->add_option("--tls_key", globals->tls_options.key_file, "Its key (PEM)")->type_name("FILE");
  app->add_option("--tls_server_name", globals->tls_options.server_name,
                  "Name in the server's certificate, where it is not HOST")
      ->type_name("NAME");
}

void AddCommands(CLI::App* app, Context* context) {
  AddModelCommands(app, context);
  AddStreamCommands(app, context);
  AddReplayCommand(app, context);
  AddPipeCommand(app, context);
  AddStatsCommands(app, context);
  AddHealthCommand(app, context);
  AddHelpCommand(app, context);
  AddCompletionCommand(app, context);
}

ConnectOptions OptionsOf(const Globals& globals) {
  ConnectOptions options;
  options.server = globals.server;
  options.deadline = absl::Seconds(globals.timeout_s);
  const TlsOptions& tls = globals.tls_options;
  if (globals.tls || !tls.root_certificates_file.empty() || !tls.certificate_file.empty()) {
    options.tls = tls;
  }
  return options;
}

std::vector<std::string> CommandPaths() {
  CLI::App app(kAbout, "millrace");
  Context context;
  AddCommands(&app, &context);
  std::vector<std::string> paths;
  AddPaths(app, "", &paths);
  return paths;
}

int RunCommand(const std::vector<std::string>& arguments, const Io& io) {
  CLI::App app(kAbout, "millrace");
  app.require_subcommand(1);
  app.fallthrough();
  app.get_formatter()->column_width(34);
  app.footer("millrace help TOPIC teaches: streams, targets, recovery, safety and more.");
  Context context;
  context.io = io;
  AddGlobals(&app, &context);
  AddCommands(&app, &context);
  // Asked by the shells' scripts, about words that need not parse.
  if (!arguments.empty() && arguments.front() == kCompleteWord) {
    PrintCompletions(app, {arguments.begin() + 1, arguments.end()}, io.out);
    return kDone;
  }
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::Success& wanted) {
    app.exit(wanted, *io.out, *io.err);
    return kDone;
  } catch (const CLI::ParseError& error) {
    *io.err << "millrace: " << error.what() << "; see millrace --help" << std::endl;
    return kWrongUse;
  }
  if (!context.shows_progress) context.waiting_for = ParsedPath(app);
  return Report(Act(context), io);
}

}  // namespace millrace::client
