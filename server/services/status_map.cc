#include "server/services/status_map.h"

#include <string>

#include "engine/errors.h"
#include "server/runtime.h"

namespace millrace::server {
namespace {

constexpr std::size_t kMostSentenceBytes = 1024;

// Not within a UTF-8 sequence.
std::string Cut(absl::string_view text) {
  if (text.size() <= kMostSentenceBytes) return std::string(text);
  std::size_t end = kMostSentenceBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end));
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // absl's codes are gRPC's.
  return grpc::Status(static_cast<grpc::StatusCode>(status.raw_code()), Cut(status.message()),
                      ToRpcStatus(status).SerializeAsString());
}

absl::Status DrainingServer() {
  return engine::Error(absl::StatusCode::kUnavailable, kDraining,
                       "the server is shutting down and takes no more; connect again and go on "
                       "from applied_seq + 1");
}

}  // namespace millrace::server
