#include "server/services/kserve_service.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "server/services/kserve_tensors.h"

namespace millrace::server {

using Reactor = KserveService::Reactor;

absl::StatusOr<v1::Stream> KserveService::Find(const std::string& id,
                                               const std::string& version) const {
  v1::GetStreamRequest request;
  request.set_id(id);
  auto stream = site_.runtime->GetStream(request);
  if (!stream.ok() || version.empty() || version == absl::StrCat(stream->epoch())) return stream;
  return engine::Error(
      absl::StatusCode::kNotFound, kNoStream,
      absl::StrCat("version '", version, "' of '", id, "' is asked for; its epoch is ",
                   stream->epoch(), "; leave the version out"));
}

Reactor* KserveService::ServerLive(Context* context, const inference::ServerLiveRequest*,
                                   inference::ServerLiveResponse* response) {
  return AnswerStatus(site_, context, {"Inference/ServerLive", Verb::kObserve, {}, {}}, [response] {
    response->set_live(true);
    return absl::OkStatus();
  });
}

Reactor* KserveService::ServerReady(Context* context, const inference::ServerReadyRequest*,
                                    inference::ServerReadyResponse* response) {
  return AnswerStatus(site_, context, {"Inference/ServerReady", Verb::kObserve, {}, {}},
                      [response] {
                        response->set_ready(true);
                        return absl::OkStatus();
                      });
}

Reactor* KserveService::ModelReady(Context* context, const inference::ModelReadyRequest* request,
                                   inference::ModelReadyResponse* response) {
  return AnswerStatus(
      site_, context, {"Inference/ModelReady", Verb::kObserve, request->name(), {}},
      [this, request, response] {
        const auto stream = Find(request->name(), request->version());
        response->set_ready(stream.ok() && !stream->closed() && !stream->quarantined());
        return absl::OkStatus();
      });
}

Reactor* KserveService::ServerMetadata(Context* context, const inference::ServerMetadataRequest*,
                                       inference::ServerMetadataResponse* response) {
  return AnswerStatus(site_, context, {"Inference/ServerMetadata", Verb::kObserve, {}, {}},
                      [response] {
                        response->set_name("millrace");
                        response->set_version(MILLRACE_VERSION);
                        return absl::OkStatus();
                      });
}

Reactor* KserveService::ModelMetadata(Context* context,
                                      const inference::ModelMetadataRequest* request,
                                      inference::ModelMetadataResponse* response) {
  const auto work = [this, request]() -> absl::StatusOr<inference::ModelMetadataResponse> {
    const auto stream = Find(request->name(), request->version());
    if (!stream.ok()) return stream.status();
    const auto model = site_.runtime->GetModel(stream->model());
    if (!model.ok()) return model.status();
    inference::ModelMetadataResponse metadata;
    metadata.set_name(stream->id());
    metadata.add_versions(absl::StrCat(stream->epoch()));
    FillMetadata(ShapeOf(*model), &metadata);
    return metadata;
  };
  return Answer(site_, context, {"Inference/ModelMetadata", Verb::kObserve, request->name(), {}},
                response, work);
}

absl::StatusOr<inference::ModelInferResponse> KserveService::Infer(
    const inference::ModelInferRequest& request) const {
  const auto stream = Find(request.model_name(), request.model_version());
  if (!stream.ok()) return stream.status();
  const auto model = site_.runtime->GetModel(stream->model());
  if (!model.ok()) return model.status();
  const InferShape shape = ShapeOf(*model);
  const auto peeks = RowsOf(request, shape);
  if (!peeks.ok()) return peeks.status();
  std::vector<v1::PeekResponse> rows;
  for (const v1::PeekRequest& peek : *peeks) {
    auto row = site_.runtime->Peek(peek);
    if (!row.ok()) return row.status();
    rows.push_back(*std::move(row));
  }
  inference::ModelInferResponse response;
  response.set_model_name(stream->id());
  response.set_model_version(absl::StrCat(stream->epoch()));
  response.set_id(request.id());
  if (absl::Status status = FillOutputs(request, shape, rows, &response); !status.ok()) {
    return status;
  }
  return response;
}

Reactor* KserveService::ModelInfer(Context* context, const inference::ModelInferRequest* request,
                                   inference::ModelInferResponse* response) {
  return Answer(site_, context, {"Inference/ModelInfer", Verb::kObserve, request->model_name(), {}},
                response, [this, request] { return Infer(*request); });
}

}  // namespace millrace::server
