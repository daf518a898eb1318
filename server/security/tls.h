// Transport security of the gRPC port from PEM files.
//
// Files are read once, at start, and checked before anything listens: that they are there, that
// they hold a certificate and a key, and that the two belong together.
#ifndef MILLRACE_SERVER_SECURITY_TLS_H_
#define MILLRACE_SERVER_SECURITY_TLS_H_

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace millrace::server {

struct TlsFiles {
  std::string cert;  // certificate chain; empty: plain text
  std::string key;
  std::string client_ca;  // not empty: every client must show a certificate of these authorities
};

// INVALID_ARGUMENT with a sentence that names the file.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(const TlsFiles& files);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_SECURITY_TLS_H_
