#include "server/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>

#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/log.h"
#include "server/metrics/figures_collector.h"
#include "server/metrics/process_collector.h"
#include "server/metrics/scrape.h"

namespace millrace::server {
namespace {

constexpr absl::Duration kFarewell = absl::Milliseconds(250);

int Milliseconds(std::int64_t seconds) { return static_cast<int>(seconds * 1000); }

void SetLimits(const ServerConfig& config, grpc::ServerBuilder* builder) {
  const int most_bytes = static_cast<int>(config.max_message_bytes());
  builder->SetMaxReceiveMessageSize(most_bytes);
  builder->SetMaxSendMessageSize(most_bytes);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                              static_cast<int>(config.max_calls_per_connection()));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(config.keepalive_s()));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                              Milliseconds(config.keepalive_timeout_s()));
  // Clients may ask the same of the server, without an open call too.
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000);
  // Two servers on one port would share its connections without a word.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Reflection and health alone are synchronous.
  builder->SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
  builder->SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MIN_POLLERS, 1);
  builder->SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 2);
}

// Of gRPC's threads for callbacks. One carries tens of thousands of messages a second; where there
// are cores to spare, more of them read for each other while one is busy.
int RunningThreads(const ServerConfig& config) {
  constexpr unsigned kFewCores = 4;
  if (config.callback_threads() > 0) return static_cast<int>(config.callback_threads());
  // Of the cores that this process may use: gRPC counts all that there are.
  return std::thread::hardware_concurrency() <= kFewCores ? 1 : 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const ServerConfig& config, const std::shared_ptr<grpc::ServerCredentials>& credentials,
    std::unique_ptr<Runtime> runtime, std::shared_ptr<ServerMetrics> metrics,
    std::unique_ptr<const Authorizer> authorizer) {
  if (authorizer == nullptr) authorizer = std::make_unique<LocalAuthorizer>();
  std::unique_ptr<Server> server(
      new Server(config, std::move(runtime), std::move(metrics), std::move(authorizer)));
  if (absl::Status status = server->ServeHttp(config); !status.ok()) return status;
  if (absl::Status status = server->Listen(config, credentials); !status.ok()) return status;
  return server;
}

Server::Server(const ServerConfig& config, std::unique_ptr<Runtime> runtime,
               std::shared_ptr<ServerMetrics> metrics, std::unique_ptr<const Authorizer> authorizer)
    : metrics_(std::move(metrics)),
      authorizer_(std::move(authorizer)),
      runtime_(std::move(runtime)),
      gate_({config.max_queued_admin_calls(), config.max_learn_calls(), config.max_watch_calls()}),
      pool_(static_cast<int>(config.admin_threads())),
      site_(MakeSite(config)),
      models_(site_),
      streams_(site_),
      learning_(site_),
      kserve_(site_) {}

Server::~Server() {
  if (grpc_server_ == nullptr) return;
  gate_.Close();
  health_.reset();
  callback_threads_.reset();
  grpc_server_->Shutdown(std::chrono::system_clock::now());
  grpc_server_->Wait();
}

Site Server::MakeSite(const ServerConfig& config) {
  Site site;
  site.runtime = runtime_.get();
  site.authorizer = authorizer_.get();
  site.metrics = metrics_.get();
  site.gate = &gate_;
  site.pool = &pool_;
  site.learn.budget_bytes = config.learn_budget_bytes();
  site.learn.merge_bytes = config.reply_merge_bytes();
  site.learn.most_parts = config.max_parts_per_message();
  return site;
}

absl::Status Server::ServeHttp(const ServerConfig& config) {
  const absl::StatusOr<Address> address = ParseAddress(config.metrics_listen());
  if (!address.ok()) return address.status();
  const std::vector<std::string> watched(config.watch_streams().begin(),
                                         config.watch_streams().end());
  const Collectables collectables{metrics_,
                                  std::make_shared<FiguresCollector>(runtime_.get(), watched),
                                  std::make_shared<ProcessCollector>()};
  HttpServer::Routes routes;
  routes["/metrics"] = [collectables](const HttpRequest&) { return Scrape(collectables); };
  if (ServesPage(config)) {
    page_ = std::make_unique<Page>(runtime_.get(), authorizer_.get(), watched);
    page_->AddRoutes(&routes);
  }
  const auto done = [this](const std::string& path, const HttpReply& reply, double wall_s) {
    metrics_->HttpDone(path, reply.status, reply.body.size(), wall_s);
  };
  auto started = HttpServer::Start(*address, std::move(routes), done);
  if (!started.ok()) return started.status();
  http_server_ = *std::move(started);
  return absl::OkStatus();
}

absl::Status Server::Listen(const ServerConfig& config,
                            const std::shared_ptr<grpc::ServerCredentials>& credentials) {
  absl::StatusOr<Address> address = ParseAddress(config.listen());
  if (!address.ok()) return address.status();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  SetLimits(config, &builder);
  grpc_address_ = *std::move(address);
  int port = 0;
  builder.AddListeningPort(ToText(grpc_address_), credentials, &port);
  builder.RegisterService(&models_);
  builder.RegisterService(&streams_);
  builder.RegisterService(&learning_);
  builder.RegisterService(&kserve_);
  grpc_server_ = builder.BuildAndStart();
  if (grpc_server_ == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("gRPC cannot listen on ", ToText(grpc_address_),
                     "; is it in use, or not an address of this machine? Choose another --listen "
                     "HOST:PORT"));
  }
  grpc_address_.port = port;
  callback_threads_ = CallbackThreads::Hold(grpc_server_.get(), RunningThreads(config));
  health_ = std::make_unique<HealthReporter>(runtime_.get(), grpc_server_->GetHealthCheckService());
  return absl::OkStatus();
}

absl::Status Server::Drain(absl::Time deadline) {
  health_->Stop();
  gate_.Close();
  const absl::Time now = absl::Now();
  const bool empty = gate_.WaitEmpty(now + (deadline - now) / 2);
  if (!empty) {
    Log(Severity::kWarning, "drain_calls_left",
        {{"learn", absl::StrCat(gate_.open(CallKind::kLearn))},
         {"watch", absl::StrCat(gate_.open(CallKind::kWatch))},
         {"unary", absl::StrCat(gate_.open(CallKind::kUnary))}});
  }
  const absl::Status status = runtime_->Drain(deadline);
  callback_threads_.reset();
  grpc_server_->Shutdown(
      absl::ToChronoTime(absl::Now() + (empty ? kFarewell : absl::ZeroDuration())));
  return status;
}

}  // namespace millrace::server
