// Where the server is, and how to reach it.
//
// Opening a channel sends nothing; the first call connects. Thread-safe.
#ifndef MILLRACE_CLIENT_CPP_CHANNEL_H_
#define MILLRACE_CLIENT_CPP_CHANNEL_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"

namespace millrace::client {

// Paths of PEM files. A client certificate and its key go together (mutual TLS).
struct TlsOptions {
  std::string root_certificates_file;  // empty: the system's
  std::string certificate_file;
  std::string key_file;
  // Name to expect in the server's certificate where it is not the host of the address.
  std::string server_name;
};

struct ConnectOptions {
  std::string server = "";                       // HOST:PORT
  std::optional<TlsOptions> tls = std::nullopt;  // absent: plain text
  // Of each administrative call, attempts included.
  absl::Duration deadline = absl::Seconds(10);
};

// INVALID_ARGUMENT for an address without a port, or a file that cannot be read.
absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const ConnectOptions& options);

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CPP_CHANNEL_H_
