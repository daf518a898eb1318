#include "client/cpp/channel.h"

#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

namespace millrace::client {
namespace {

absl::StatusOr<std::string> Contents(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("TLS file '", path, "' cannot be read or is empty; expected a PEM file"));
  }
  return text.str();
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> Credentials(
    const std::optional<TlsOptions>& tls) {
  if (!tls) return grpc::InsecureChannelCredentials();
  if (tls->certificate_file.empty() != tls->key_file.empty()) {
    return absl::InvalidArgumentError(
        "TLS client certificate and key go together; only one of the two files was given");
  }
  grpc::SslCredentialsOptions options;
  for (auto [path, text] : {std::pair{&tls->root_certificates_file, &options.pem_root_certs},
                            std::pair{&tls->certificate_file, &options.pem_cert_chain},
                            std::pair{&tls->key_file, &options.pem_private_key}}) {
    absl::StatusOr<std::string> contents = Contents(*path);
    if (!contents.ok()) return contents.status();
    *text = *std::move(contents);
  }
  return grpc::SslCredentials(options);
}

absl::Status CheckAddress(const std::string& server) {
  const std::size_t colon = server.rfind(':');
  int port = 0;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(server.substr(colon + 1), &port) || port < 1 || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("server address is '", server, "'; expected HOST:PORT, e.g. 127.0.0.1:7070"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const ConnectOptions& options) {
  if (absl::Status status = CheckAddress(options.server); !status.ok()) return status;
  auto credentials = Credentials(options.tls);
  if (!credentials.ok()) return credentials.status();
  grpc::ChannelArguments arguments;
  // The session has a backoff of its own; gRPC's, up to two minutes, would hide a server that is
  // back.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // A window of steps may be answered in one message.
  arguments.SetMaxReceiveMessageSize(-1);
  // Clients of one process must not share one connection's flow control.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (options.tls && !options.tls->server_name.empty()) {
    arguments.SetSslTargetNameOverride(options.tls->server_name);
  }
  return grpc::CreateCustomChannel(options.server, *credentials, arguments);
}

}  // namespace millrace::client
