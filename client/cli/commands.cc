#include "client/cli/commands.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/cpp/status.h"

namespace millrace::client {
namespace {

struct Globals {
  std::string server = "127.0.0.1:7070";
  bool tls = false;
  TlsOptions tls_options;
  double timeout_s = 10;
};

void AddGlobals(CLI::App* app, Globals* globals, Context* context) {
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

absl::Status Act(const Globals& globals, const Context& context) {
  auto client = Client::Connect(OptionsOf(globals));
  if (!client.ok()) return client.status();
  return context.action(**client);
}

}  // namespace

void Context::Show(const Json& object, const std::function<void(std::ostream&)>& text) const {
  if (json) {
    *io.out << object.Text() << std::endl;
  } else {
    text(*io.out);
  }
}

void Context::ShowMembers(const google::protobuf::Message& message) const {
  const Json object = Json::Of(message);
  Show(object, [&](std::ostream& out) { out << object.Text(true) << "\n"; });
}

absl::StatusOr<std::vector<v1::Setting>> ParseSettings(const std::vector<std::string>& texts) {
  std::vector<v1::Setting> settings;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "setting is '", text, "'; expected PART.NAME=VALUE, e.g. optimizer.rate=1e-4"));
    }
    const std::string value = text.substr(equals + 1);
    v1::Setting setting;
    setting.set_name(text.substr(0, equals));
    std::int64_t integer = 0;
    double number = 0;
    if (value == "true" || value == "false") {
      setting.set_flag(value == "true");
    } else if (absl::SimpleAtoi(value, &integer)) {
      setting.set_integer(integer);
    } else if (absl::SimpleAtod(value, &number)) {
      setting.set_number(number);
    } else {
      setting.set_text(value);
    }
    settings.push_back(std::move(setting));
  }
  return settings;
}

std::string SettingText(const v1::Setting& setting) {
  switch (setting.value_case()) {
    case v1::Setting::kFlag:
      return setting.flag() ? "true" : "false";
    case v1::Setting::kInteger:
      return absl::StrCat(setting.integer());
    case v1::Setting::kNumber:
      return absl::StrCat(setting.number());
    case v1::Setting::kText:
      return setting.text();
    case v1::Setting::VALUE_NOT_SET:
      break;
  }
  return "";
}

void PrintTable(std::ostream& out, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t k = 0; k < row.size(); ++k) widths[k] = std::max(widths[k], row[k].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t k = 0; k < row.size(); ++k) {
      line += row[k];
      if (k + 1 < row.size()) line.append(widths[k] + 2 - row[k].size(), ' ');
    }
    out << line << "\n";
  }
}

int ExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 0;
    case absl::StatusCode::kInvalidArgument:
      return 2;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return 3;
    case absl::StatusCode::kNotFound:
      return 4;
    default:
      return 1;
  }
}

int RunCommand(const std::vector<std::string>& arguments, const Io& io) {
  CLI::App app("Streams that learn online: models, streams, replays and statistics of a server.",
               "millrace");
  app.require_subcommand(1);
  app.fallthrough();
  app.get_formatter()->column_width(34);
  Globals globals;
  Context context;
  context.io = io;
  AddGlobals(&app, &globals, &context);
  AddModelCommands(&app, &context);
  AddStreamCommands(&app, &context);
  AddReplayCommand(&app, &context);
  AddStatsCommands(&app, &context);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::Success& wanted) {
    app.exit(wanted, *io.out, *io.err);
    return 0;
  } catch (const CLI::ParseError& error) {
    *io.err << "millrace: " << error.what() << "; see millrace --help" << std::endl;
    return 2;
  }
  const absl::Status status = Act(globals, context);
  if (status.ok()) return io.stop != nullptr && *io.stop ? 130 : 0;
  const std::string reason = ReasonOf(status);
  *io.err << "millrace: " << status.message()
          << (reason.empty() ? "" : absl::StrCat(" (", reason, ")")) << std::endl;
  return ExitCode(status);
}

}  // namespace millrace::client
