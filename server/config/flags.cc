#include "server/config/flags.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/config/settings.h"

namespace millrace::server {
namespace {

constexpr char kDescription[] =
    "millraced: an online-learning server for recurrent streams.\n"
    "Prints 'serving grpc=HOST:PORT metrics=HOST:PORT store=DIR' once it serves; logs to standard\n"
    "error. SIGTERM drains and ends it; a second one ends it at once, and loses nothing.";

constexpr char kFooter[] =
    "Every flag but --config and --check_config is also a field of the config file (protobuf text\n"
    "format), which flags override. Example:\n"
    "  millraced --listen 127.0.0.1:7070 --store /var/lib/millrace";

std::string HelpOf(const SettingRow& row) {
  const std::string type = row.type;
  if (type == "integer") {
    return absl::StrCat(row.unit, " ", row.sentence, " [", row.integer, "]");
  }
  if (type == "list") return absl::StrCat(row.sentence, " (at most ", row.integer, ")");
  return *row.text == '\0' ? row.sentence : absl::StrCat(row.sentence, " [", row.text, "]");
}

using Values = std::map<std::string, std::vector<std::string>>;

void AddSetting(const SettingRow& row, CLI::App* app, Values* values) {
  const std::string name = row.name;
  const std::string flag = absl::StrCat("--", name);
  if (std::string(row.type) == "flag") {
    app->add_flag_function(
        flag,
        [values, name](std::int64_t count) { (*values)[name] = {count > 0 ? "true" : "false"}; },
        HelpOf(row));
    return;
  }
  CLI::Option* option = app->add_option_function<std::vector<std::string>>(
      flag, [values, name](const std::vector<std::string>& given) { (*values)[name] = given; },
      HelpOf(row));
  option->type_name(std::string(row.type) == "integer" ? "N" : "TEXT");
  option->expected(1)->multi_option_policy(std::string(row.type) == "list"
                                               ? CLI::MultiOptionPolicy::TakeAll
                                               : CLI::MultiOptionPolicy::TakeLast);
}

// CLI11's sentences, without its type names and line ends.
absl::Status Refuse(const CLI::ParseError& error) {
  const std::string sentence = absl::StrReplaceAll(error.what(), {{"\n", " "}});
  return absl::InvalidArgumentError(absl::StrCat(sentence, "; millraced --help lists the flags"));
}

absl::Status Gather(const std::string& config_file, const Values& values, ServerConfig* config) {
  if (!config_file.empty()) {
    if (absl::Status status = MergeFile(config_file, config); !status.ok()) return status;
  }
  for (const auto& [name, given] : values) {
    if (absl::Status status = SetField(name, given, config); !status.ok()) return status;
  }
  return Complete(config);
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv) {
  CommandLine line;
  CLI::App app(kDescription, "millraced");
  app.footer(kFooter);
  app.set_version_flag("--version", MILLRACE_VERSION);
  std::string config_file;
  app.add_option("--config", config_file, "file in protobuf text format")->type_name("FILE");
  app.add_flag("--check_config", line.check_config,
               "say whether flags and config file are good, and stop");
  Values values;
  for (const SettingRow& row : SettingRows()) AddSetting(row, &app, &values);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {  // --help, --version
    app.exit(request, std::cout, std::cout);
    line.answered = true;
    return line;
  } catch (const CLI::ParseError& error) {
    return Refuse(error);
  }
  if (absl::Status status = Gather(config_file, values, &line.config); !status.ok()) return status;
  return line;
}

}  // namespace millrace::server
