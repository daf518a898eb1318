#include "client/cli/exit_codes.h"

#include "absl/strings/str_format.h"

namespace millrace::client {
namespace {

struct Meaning {
  int code;
  const char* sentence;
};

constexpr Meaning kMeanings[] = {
    {kDone, "done"},
    {kRefused, "refused or failed; the sentence says why and what to do"},
    {kWrongUse,
     "wrong use, a file that cannot be read, or arguments that the server calls invalid"},
    {kNoAnswer, "the server did not answer within --timeout_s"},
    {kNotFound, "no such model, stream, snapshot, file or topic"},
    {kInterrupted, "interrupted by Ctrl-C; what was under way has been finished and reported"},
};

}  // namespace

int ExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kDone;
    case absl::StatusCode::kInvalidArgument:
      return kWrongUse;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kNoAnswer;
    case absl::StatusCode::kNotFound:
      return kNotFound;
    default:
      return kRefused;
  }
}

std::string ExitCodeTable() {
  std::string table;
  for (const Meaning& meaning : kMeanings) {
    absl::StrAppendFormat(&table, "  %4d  %s\n", meaning.code, meaning.sentence);
  }
  return table;
}

}  // namespace millrace::client
