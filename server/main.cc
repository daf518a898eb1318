// millraced: the server.
//
// Exit status: 0 after a drain; 1 where it cannot serve (address, store) or the drain failed; 2 for
// a wrong flag or configuration.
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/config/flags.h"
#include "server/log.h"
#include "server/metrics/metrics.h"
#include "server/notify.h"
#include "server/runtime.h"
#include "server/security/tls.h"
#include "server/server.h"
#include "server/signals.h"

namespace millrace::server {
namespace {

constexpr int kFailed = 1, kWrongConfiguration = 2;

int Say(const absl::Status& status, int exit_status) {
  std::fprintf(stderr, "millraced: %s\n", std::string(status.message()).c_str());
  return exit_status;
}

absl::StatusOr<std::unique_ptr<Server>> Open(
    const ServerConfig& config, const std::shared_ptr<grpc::ServerCredentials>& credentials) {
  auto metrics = std::make_shared<ServerMetrics>();
  const absl::Time start = absl::Now();
  Log(Severity::kInfo, "opening", {{"store", config.store()}, {"version", MILLRACE_VERSION}});
  absl::StatusOr<std::unique_ptr<Runtime>> runtime =
      Runtime::Open(ToRuntimeOptions(config), metrics.get());
  if (!runtime.ok()) return runtime.status();
  Log(Severity::kInfo, "opened",
      {{"store", config.store()},
       {"wall_s", absl::StrCat(absl::ToDoubleSeconds(absl::Now() - start))}});
  return Server::Start(config, credentials, *std::move(runtime), std::move(metrics));
}

void Announce(const ServerConfig& config, const Server& server) {
  const std::string grpc_address = ToText(server.grpc_address());
  const std::string metrics_address = ToText(server.metrics_address());
  Log(Severity::kInfo, "serving",
      {{"grpc", grpc_address},
       {"metrics", metrics_address},
       {"store", config.store()},
       {"tls", config.tls_cert().empty() ? "off" : "on"}});
  std::printf("serving grpc=%s metrics=%s store=%s\n", grpc_address.c_str(),
              metrics_address.c_str(), config.store().c_str());
  std::fflush(stdout);
  NotifySystemd("READY=1");
}

int Serve(const ServerConfig& config, const std::shared_ptr<grpc::ServerCredentials>& credentials,
          StopSignals* signals) {
  absl::StatusOr<std::unique_ptr<Server>> server = Open(config, credentials);
  if (!server.ok()) return Say(server.status(), kFailed);
  signals->Serving();
  Announce(config, **server);

  const int signal = signals->Wait();
  Log(Severity::kInfo, "draining", {{"signal", absl::StrCat(signal)}});
  NotifySystemd("STOPPING=1");
  const absl::Time start = absl::Now();
  const absl::Status status = (*server)->Drain(start + absl::Seconds(config.drain_timeout_s()));
  server->reset();
  Log(status.ok() ? Severity::kInfo : Severity::kWarning, "drained",
      {{"status", status.ToString(absl::StatusToStringMode::kWithNoExtraData)},
       {"wall_s", absl::StrCat(absl::ToDoubleSeconds(absl::Now() - start))}});
  // Past the deadline the journal holds the rest: nothing is lost, and that is what 0 says.
  return status.ok() || absl::IsDeadlineExceeded(status) ? 0 : kFailed;
}

int Main(int argc, const char* const* argv) {
  // Before anything makes a thread, which gRPC does as soon as credentials are made. Never freed:
  // its thread goes on until the process ends.
  auto* signals = new StopSignals;
  absl::StatusOr<CommandLine> line = ParseCommandLine(argc, argv);
  if (!line.ok()) return Say(line.status(), kWrongConfiguration);
  if (line->answered) return 0;
  const ServerConfig& config = line->config;
  absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> credentials =
      MakeCredentials({config.tls_cert(), config.tls_key(), config.tls_client_ca()});
  if (!credentials.ok()) return Say(credentials.status(), kWrongConfiguration);
  if (line->check_config) {
    std::printf("configuration is good\n");
    return 0;
  }
  TakeOverGrpcLog();
  return Serve(config, *credentials, signals);
}

}  // namespace
}  // namespace millrace::server

int main(int argc, char** argv) { return millrace::server::Main(argc, argv); }
