#include "client/cpp/status.h"

#include <optional>

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"

namespace millrace::client {
namespace {

constexpr char kErrorInfoUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";

std::optional<google::rpc::ErrorInfo> ErrorInfoOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kErrorInfoUrl);
  google::rpc::ErrorInfo error;
  if (!payload || !error.ParseFromString(std::string(*payload))) return std::nullopt;
  return error;
}

absl::StatusCode CodeOf(int code) {
  return code < 0 || code > 16 ? absl::StatusCode::kUnknown : static_cast<absl::StatusCode>(code);
}

}  // namespace

std::string ReasonOf(const absl::Status& status) {
  const auto error = ErrorInfoOf(status);
  return error ? error->reason() : "";
}

std::map<std::string, std::string> MetadataOf(const absl::Status& status) {
  const auto error = ErrorInfoOf(status);
  if (!error) return {};
  return {error->metadata().begin(), error->metadata().end()};
}

absl::Status Error(absl::StatusCode code, absl::string_view reason, absl::string_view sentence) {
  google::rpc::ErrorInfo error;
  error.set_reason(std::string(reason));
  error.set_domain("millrace");
  absl::Status status(code, sentence);
  status.SetPayload(kErrorInfoUrl, absl::Cord(error.SerializeAsString()));
  return status;
}

absl::Status FromRpc(const google::rpc::Status& status) {
  absl::Status result(CodeOf(status.code()), status.message());
  if (result.ok()) return result;
  for (const google::protobuf::Any& detail : status.details()) {
    if (detail.Is<google::rpc::ErrorInfo>()) {
      result.SetPayload(kErrorInfoUrl, absl::Cord(detail.value()));
    }
  }
  return result;
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status rpc;
  if (rpc.ParseFromString(status.error_details()) && rpc.code() == status.error_code()) {
    rpc.set_message(status.error_message());
    return FromRpc(rpc);
  }
  return absl::Status(CodeOf(status.error_code()), status.error_message());
}

bool IsTransient(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable;
}

}  // namespace millrace::client
