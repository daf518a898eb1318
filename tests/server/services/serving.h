// A real server over a FakeRuntime on free loopback ports, and a channel to it.
#ifndef MILLRACE_TESTS_SERVER_SERVICES_SERVING_H_
#define MILLRACE_TESTS_SERVER_SERVICES_SERVING_H_

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "millrace/v1/learn.grpc.pb.h"
#include "millrace/v1/stream.grpc.pb.h"
#include "server/server.h"
#include "tests/server/services/fake_runtime.h"

namespace millrace::server {

// The ErrorInfo reason in a google.rpc.Status; "" where there is none.
inline std::string ReasonIn(const google::rpc::Status& status) {
  for (const google::protobuf::Any& detail : status.details()) {
    google::rpc::ErrorInfo reason;
    if (detail.UnpackTo(&reason)) return reason.reason();
  }
  return "";
}

// The same of a call's trailing grpc-status-details-bin.
inline std::string ReasonOfCall(const grpc::Status& status) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return "";
  return ReasonIn(details);
}

class Serving {
 public:
  explicit Serving(ServerConfig config = {}, std::unique_ptr<const Authorizer> authorizer = nullptr)
      : metrics(std::make_shared<ServerMetrics>()) {
    config.set_listen("127.0.0.1:0");
    config.set_metrics_listen("127.0.0.1:0");
    config.set_store("unused");
    if (!Complete(&config).ok()) return;
    auto runtime = std::make_unique<FakeRuntime>();
    fake = runtime.get();
    auto started = Server::Start(config, grpc::InsecureServerCredentials(), std::move(runtime),
                                 metrics, std::move(authorizer));
    if (!started.ok()) return;
    server = *std::move(started);
    channel =
        grpc::CreateChannel(ToText(server->grpc_address()), grpc::InsecureChannelCredentials());
    learning = v1::Learning::NewStub(channel);
    streams = v1::Streams::NewStub(channel);
  }

  void Open(const std::string& stream) {
    v1::OpenStreamRequest request;
    request.set_id(stream);
    grpc::ClientContext context;
    v1::OpenStreamResponse response;
    streams->OpenStream(&context, request, &response);
  }

  std::shared_ptr<ServerMetrics> metrics;
  FakeRuntime* fake = nullptr;
  std::unique_ptr<Server> server;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Learning::Stub> learning;
  std::unique_ptr<v1::Streams::Stub> streams;
};

}  // namespace millrace::server

#endif  // MILLRACE_TESTS_SERVER_SERVICES_SERVING_H_
