// Exit codes of the command, and what each says.
//
// Thread-safe: pure functions.
#ifndef MILLRACE_CLIENT_CLI_EXIT_CODES_H_
#define MILLRACE_CLIENT_CLI_EXIT_CODES_H_

#include <string>

#include "absl/status/status.h"

namespace millrace::client {

inline constexpr int kDone = 0;
inline constexpr int kRefused = 1;
inline constexpr int kWrongUse = 2;
inline constexpr int kNoAnswer = 3;
inline constexpr int kNotFound = 4;
inline constexpr int kInterrupted = 130;  // 128 + SIGINT, as shells count

int ExitCode(const absl::Status& status);

// A line each, for help.
std::string ExitCodeTable();

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_EXIT_CODES_H_
