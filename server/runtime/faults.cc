#include "server/runtime/faults.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "server/runtime.h"

namespace millrace::server {
namespace {

constexpr std::size_t kLongestName = 128;

bool InNames(char character) {
  return absl::ascii_isalnum(static_cast<unsigned char>(character)) || character == '.' ||
         character == '_' || character == '-';
}

}  // namespace

absl::Status CheckName(absl::string_view what, absl::string_view name) {
  bool good = !name.empty() && name.size() <= kLongestName;
  for (const char character : name) good = good && InNames(character);
  if (good) return absl::OkStatus();
  return engine::Error(
      absl::StatusCode::kInvalidArgument, kBadName,
      absl::StrCat("the ", what, " name '", absl::CHexEscape(name.substr(0, kLongestName)),
                   "' has ", name.size(), " characters; use 1 to 128 of A-Z a-z 0-9 . _ -"));
}

absl::Status NoModel(absl::string_view name) {
  return engine::Error(
      absl::StatusCode::kNotFound, kNoModel,
      absl::StrCat("there is no model '", name, "'; create it first, or list the models"),
      {{"model", std::string(name)}});
}

absl::Status NoStream(absl::string_view id) {
  return engine::Error(absl::StatusCode::kNotFound, kNoStream,
                       absl::StrCat("there is no stream '", id, "'; open it first"),
                       {{"stream", std::string(id)}});
}

absl::Status Exists(absl::string_view what, absl::string_view name, absl::string_view remedy) {
  return engine::Error(absl::StatusCode::kAlreadyExists, kExists,
                       absl::StrCat(what, " '", name, "' exists already", remedy));
}

absl::Status StreamClosed(absl::string_view id) {
  return engine::Error(absl::StatusCode::kFailedPrecondition, kStreamClosed,
                       absl::StrCat("stream '", id, "' is closed; open it again"),
                       {{"stream", std::string(id)}});
}

absl::Status Draining() {
  return engine::Error(absl::StatusCode::kUnavailable, kDraining,
                       "the server is shutting down and takes nothing new; try again later");
}

absl::Status LimitReached(absl::string_view what, std::int64_t limit, absl::string_view flag) {
  return engine::Error(absl::StatusCode::kResourceExhausted, kLimit,
                       absl::StrCat("the server holds ", limit, " ", what, ", its limit (", flag,
                                    "); delete some or raise the limit"),
                       {{"limit", absl::StrCat(limit)}});
}

absl::Status Lost(absl::string_view id, std::uint64_t claimed_seq, std::uint64_t durable_seq) {
  return engine::Error(absl::StatusCode::kDataLoss, kLostSteps,
                       absl::StrCat("stream '", id, "' was recovered to step ", durable_seq,
                                    ", below step ", claimed_seq,
                                    " that a client saw acknowledged; send the steps again after "
                                    "AcceptLoss, or roll back"),
                       {{"last_durable_seq", absl::StrCat(claimed_seq)},
                        {"durable_seq", absl::StrCat(durable_seq)}});
}

}  // namespace millrace::server
