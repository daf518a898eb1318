// The Open Inference Protocol (KServe V2) over the runtime, for predict-only use by its tools.
//
// A model of the protocol is a stream, its version the stream's epoch. Inference is Peek: it
// changes nothing and needs the verb observe. Rows of a request are peeked one after the other; a
// writer may move the stream on between them. Thread-safe.
#ifndef MILLRACE_SERVER_SERVICES_KSERVE_SERVICE_H_
#define MILLRACE_SERVER_SERVICES_KSERVE_SERVICE_H_

#include "inference/open_inference.grpc.pb.h"
#include "server/services/unary.h"

namespace millrace::server {

class KserveService final : public inference::GRPCInferenceService::CallbackService {
 public:
  explicit KserveService(const Site& site) : site_(site) {}

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* ServerLive(Context* context, const inference::ServerLiveRequest* request,
                      inference::ServerLiveResponse* response) override;
  Reactor* ServerReady(Context* context, const inference::ServerReadyRequest* request,
                       inference::ServerReadyResponse* response) override;
  Reactor* ModelReady(Context* context, const inference::ModelReadyRequest* request,
                      inference::ModelReadyResponse* response) override;
  Reactor* ServerMetadata(Context* context, const inference::ServerMetadataRequest* request,
                          inference::ServerMetadataResponse* response) override;
  Reactor* ModelMetadata(Context* context, const inference::ModelMetadataRequest* request,
                         inference::ModelMetadataResponse* response) override;
  Reactor* ModelInfer(Context* context, const inference::ModelInferRequest* request,
                      inference::ModelInferResponse* response) override;

 private:
  // The stream, where `version` is empty or its epoch.
  absl::StatusOr<v1::Stream> Find(const std::string& id, const std::string& version) const;
  absl::StatusOr<inference::ModelInferResponse> Infer(
      const inference::ModelInferRequest& request) const;

  const Site site_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_SERVICES_KSERVE_SERVICE_H_
