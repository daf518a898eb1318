// ToRpcStatus of server/runtime.h: absl::Status as google.rpc.Status with ErrorInfo.

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/errors.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/runtime.h"

namespace millrace::server {
namespace {

constexpr std::size_t kLongestSentence = 2048;

// Cut between characters: strings of protobuf must stay UTF-8.
std::string Shortened(absl::string_view sentence) {
  if (sentence.size() <= kLongestSentence) return std::string(sentence);
  std::size_t end = kLongestSentence;
  while (end > 0 && (static_cast<unsigned char>(sentence[end]) & 0xc0) == 0x80) --end;
  return std::string(sentence.substr(0, end));
}

}  // namespace

google::rpc::Status ToRpcStatus(const absl::Status& status) {
  google::rpc::Status wire;
  wire.set_code(static_cast<int>(status.code()));
  wire.set_message(Shortened(status.message()));
  google::rpc::ErrorInfo cause;
  cause.set_reason(engine::ReasonOf(status));
  if (cause.reason().empty()) return wire;
  cause.set_domain("millrace");
  for (const auto& [key, value] : engine::MetadataOf(status)) {
    (*cause.mutable_metadata())[key] = Shortened(value);
  }
  wire.add_details()->PackFrom(cause);
  return wire;
}

}  // namespace millrace::server
