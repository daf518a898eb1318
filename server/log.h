// The server's log: one line of logfmt an event, on standard error.
//
//   Log(Severity::kInfo, "serving", {{"grpc", "127.0.0.1:7070"}});
//   ts=2026-03-01T12:00:00.123Z level=info event=serving grpc=127.0.0.1:7070
//
// Values with anything but plain characters are quoted, with \" \\ \n escaped and other control
// characters as \xNN, so that a line is always one event whatever a client sent. A value is cut at
// 4096 bytes. Thread-safe; a line is one write. Not for the data plane: nothing is logged a step.
#ifndef MILLRACE_SERVER_LOG_H_
#define MILLRACE_SERVER_LOG_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace millrace::server {

enum class Severity { kInfo, kWarning, kError };

using LogFields = std::vector<std::pair<absl::string_view, std::string>>;

void Log(Severity severity, absl::string_view event, const LogFields& fields = {});

// The line without its end, for tests.
std::string LogLine(absl::Time time, Severity severity, absl::string_view event,
                    const LogFields& fields);

// gRPC's own errors become events "grpc" of this log.
void TakeOverGrpcLog();

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_LOG_H_
