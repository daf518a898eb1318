#include "server/log.h"

#include <grpc/support/log.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace millrace::server {
namespace {

constexpr std::size_t kMostBytes = 4096;

const char* NameOf(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return "info";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "";
}

bool IsPlain(char c) { return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\'; }

void AppendQuoted(absl::string_view value, std::string* line) {
  line->push_back('"');
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      absl::StrAppend(line, "\\", std::string(1, c));
    } else if (c == '\n') {
      line->append("\\n");
    } else if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) {
      absl::StrAppendFormat(line, "\\x%02x", static_cast<unsigned char>(c));
    } else {
      line->push_back(c);
    }
  }
  line->push_back('"');
}

void AppendValue(absl::string_view value, std::string* line) {
  value = value.substr(0, kMostBytes);
  bool plain = !value.empty();
  for (const char c : value) plain = plain && IsPlain(c);
  if (plain) {
    absl::StrAppend(line, value);
  } else {
    AppendQuoted(value, line);
  }
}

void LogFromGrpc(gpr_log_func_args* args) {
  if (args->severity != GPR_LOG_SEVERITY_ERROR) return;
  Log(Severity::kError, "grpc", {{"message", args->message}});
}

}  // namespace

std::string LogLine(absl::Time time, Severity severity, absl::string_view event,
                    const LogFields& fields) {
  std::string line =
      absl::StrCat("ts=", absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone()),
                   " level=", NameOf(severity), " event=");
  AppendValue(event, &line);
  for (const auto& [name, value] : fields) {
    absl::StrAppend(&line, " ", name, "=");
    AppendValue(value, &line);
  }
  return line;
}

void Log(Severity severity, absl::string_view event, const LogFields& fields) {
  const std::string line = LogLine(absl::Now(), severity, event, fields) + "\n";
  // A log that cannot be written is no reason to stop serving.
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

void TakeOverGrpcLog() { gpr_set_log_function(&LogFromGrpc); }

}  // namespace millrace::server
