// The server's configuration: file, then flags over it, then defaults, then checks.
//
//   ServerConfig config;
//   if (!path.empty()) status = MergeFile(path, &config);      // unknown fields are errors
//   status = SetField("listen", {"127.0.0.1:0"}, &config);     // a flag
//   status = Complete(&config);                                // defaults; every value checked
//
// After Complete every field but those that default to nothing is present and within bounds.
// Errors are INVALID_ARGUMENT (NOT_FOUND for a file that cannot be read), one sentence that names
// the setting, what it got and what it takes. Thread-safe: pure functions but for reading files.
#ifndef MILLRACE_SERVER_CONFIG_CONFIG_H_
#define MILLRACE_SERVER_CONFIG_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/config/config.pb.h"
#include "server/runtime.h"

namespace millrace::server {

using ServerConfig = config::v1::ServerConfig;

// Merges a file in protobuf text format into `config`.
absl::Status MergeFile(const std::string& path, ServerConfig* config);

// Sets one field from text, as a flag does; a list takes several, everything else one. A flag
// takes "true" or "false".
absl::Status SetField(const std::string& name, const std::vector<std::string>& values,
                      ServerConfig* config);

// Fills defaults and checks bounds and what belongs together: addresses, TLS files, plain text
// only on loopback unless insecure_listen.
absl::Status Complete(ServerConfig* config);

// Whether metrics_listen serves the page too. The port knows no client from another: where clients
// must show a certificate to be let in, the page is for this machine alone.
bool ServesPage(const ServerConfig& config);

// What of it concerns the runtime.
RuntimeOptions ToRuntimeOptions(const ServerConfig& config);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_CONFIG_CONFIG_H_
