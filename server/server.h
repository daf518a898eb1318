// The server around one runtime: services, security, health, metrics, and their end.
//
//   auto server = Server::Start(config, credentials, std::move(runtime), metrics);
//   (*server)->grpc_address();          // with the port it got
//   (*server)->Drain(deadline);         // then destroy it
//
// Drain: health says NOT_SERVING; new calls are refused (DRAINING); open Learn calls are answered
// what they sent and end; the runtime answers what is queued, snapshots and flushes; then the ports
// close. Calls get at most half of the time that is left, so that snapshots have the other half.
// Thread-compatible.
#ifndef MILLRACE_SERVER_SERVER_H_
#define MILLRACE_SERVER_SERVER_H_

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/callback_threads.h"
#include "server/config/config.h"
#include "server/health/health.h"
#include "server/http/http_server.h"
#include "server/metrics/metrics.h"
#include "server/page/page.h"
#include "server/runtime.h"
#include "server/security/address.h"
#include "server/security/authorize.h"
#include "server/services/call_gate.h"
#include "server/services/call_pool.h"
#include "server/services/kserve_service.h"
#include "server/services/learning_service.h"
#include "server/services/models_service.h"
#include "server/services/streams_service.h"

namespace millrace::server {

class Server {
 public:
  // `config` is complete. UNAVAILABLE, naming the address, where a port cannot be had.
  // `authorizer` null: the local principal may do everything.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const ServerConfig& config, const std::shared_ptr<grpc::ServerCredentials>& credentials,
      std::unique_ptr<Runtime> runtime, std::shared_ptr<ServerMetrics> metrics,
      std::unique_ptr<const Authorizer> authorizer = nullptr);
  ~Server();

  const Address& grpc_address() const { return grpc_address_; }
  const Address& metrics_address() const { return http_server_->address(); }

  // DEADLINE_EXCEEDED or the runtime's error where not everything was done; nothing acknowledged
  // is lost then either. Once.
  absl::Status Drain(absl::Time deadline);

 private:
  Server(const ServerConfig& config, std::unique_ptr<Runtime> runtime,
         std::shared_ptr<ServerMetrics> metrics, std::unique_ptr<const Authorizer> authorizer);
  absl::Status Listen(const ServerConfig& config,
                      const std::shared_ptr<grpc::ServerCredentials>& credentials);
  absl::Status ServeHttp(const ServerConfig& config);
  Site MakeSite(const ServerConfig& config);

  // In order of making; what stands below uses what stands above.
  const std::shared_ptr<ServerMetrics> metrics_;
  const std::unique_ptr<const Authorizer> authorizer_;
  const std::unique_ptr<Runtime> runtime_;
  CallGate gate_;
  CallPool pool_;
  const Site site_;
  ModelsService models_;
  StreamsService streams_;
  LearningService learning_;
  KserveService kserve_;
  Address grpc_address_;
  std::unique_ptr<grpc::Server> grpc_server_;
  std::unique_ptr<CallbackThreads> callback_threads_;
  std::unique_ptr<HealthReporter> health_;
  std::unique_ptr<Page> page_;
  std::unique_ptr<HttpServer> http_server_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_SERVER_H_
