// The command line of millraced: `--config`, `--check_config`, and one flag for every setting.
//
// Thread-compatible. Cost: once at start.
#ifndef MILLRACE_SERVER_CONFIG_FLAGS_H_
#define MILLRACE_SERVER_CONFIG_FLAGS_H_

#include "absl/status/statusor.h"
#include "server/config/config.h"

namespace millrace::server {

struct CommandLine {
  ServerConfig config;        // complete
  bool check_config = false;  // say whether the configuration is good, and stop
  bool answered = false;      // --help or --version was printed; nothing else is to be done
};

// Flags override the file. INVALID_ARGUMENT or NOT_FOUND with one sentence.
absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_CONFIG_FLAGS_H_
