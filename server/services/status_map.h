// The one place where a status of the runtime becomes a status of a call.
//
// Thread-safe: pure functions.
#ifndef MILLRACE_SERVER_SERVICES_STATUS_MAP_H_
#define MILLRACE_SERVER_SERVICES_STATUS_MAP_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace millrace::server {

// Code, sentence (cut at 1024 bytes: trailing metadata of 8 KiB is all that clients must take) and
// google.rpc.Status with ErrorInfo as the trailing grpc-status-details-bin.
grpc::Status ToGrpcStatus(const absl::Status& status);

// UNAVAILABLE (DRAINING): the server is about to end.
absl::Status DrainingServer();

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_SERVICES_STATUS_MAP_H_
