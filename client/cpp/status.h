// Faults as the client reports them: an absl::Status whose payload is the server's
// google.rpc.ErrorInfo, so that a program can branch on one word instead of on a sentence.
//
//   absl::StatusOr<v1::Stream> stream = client.GetStream("left-hand");
//   if (ReasonOf(stream.status()) == "NO_STREAM") ...
//
// The words are listed in proto/millrace/v1/learn.proto; the client's own are below.
// Thread-safe: pure functions.
#ifndef MILLRACE_CLIENT_CPP_STATUS_H_
#define MILLRACE_CLIENT_CPP_STATUS_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/support/status.h"

namespace millrace::client {

// Reasons that only the client gives.
// An observation before this one was refused, so this one was not sent.
inline constexpr char kPredecessorRefused[] = "PREDECESSOR_REFUSED";
// Steps whose reply had come are gone from the server, and the client holds them no longer.
inline constexpr char kCannotResend[] = "CANNOT_RESEND";
// More is queued for a stream than the session's limit.
inline constexpr char kQueueFull[] = "QUEUE_FULL";
// The deadline passed before the part was sent: it has not been applied and will not be.
inline constexpr char kNotSent[] = "NOT_SENT";
// The deadline passed while the reply was outstanding: it may have been applied.
inline constexpr char kInDoubt[] = "IN_DOUBT";

// One word, empty where the status carries none.
std::string ReasonOf(const absl::Status& status);
// What ErrorInfo says beside the reason, e.g. "expected_seq".
std::map<std::string, std::string> MetadataOf(const absl::Status& status);

absl::Status Error(absl::StatusCode code, absl::string_view reason, absl::string_view sentence);

// Code, sentence and ErrorInfo are kept.
absl::Status FromGrpc(const grpc::Status& status);
absl::Status FromRpc(const google::rpc::Status& status);

// Worth trying again as it is: the server drains, restarts, or cannot be reached.
bool IsTransient(const absl::Status& status);

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CPP_STATUS_H_
