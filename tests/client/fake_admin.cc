// The administration of the fake server.
#include <chrono>

#include "absl/strings/str_cat.h"
#include "tests/client/fake_server.h"

namespace millrace::client {
namespace {

grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
                      ToRpc(status).SerializeAsString());
}

grpc::Status NoStream(const std::string& id) {
  return ToGrpc(FakeError(absl::StatusCode::kNotFound, "NO_STREAM",
                          absl::StrCat("stream '", id, "' does not exist")));
}

}  // namespace

class FakeServer::Models : public v1::Models::Service {
 public:
  explicit Models(FakeServer* server) : server_(*server) {}

  grpc::Status CreateModel(grpc::ServerContext*, const v1::CreateModelRequest* request,
                           v1::Model* model) override {
    std::lock_guard lock(server_.mutex_);
    if (grpc::Status status = server_.Administer(request->request_id()); !status.ok()) {
      return status;
    }
    if (server_.models_.count(request->name()) > 0) {
      return ToGrpc(FakeError(absl::StatusCode::kAlreadyExists, "EXISTS",
                              absl::StrCat("model '", request->name(), "' exists")));
    }
    model->set_name(request->name());
    *model->mutable_spec() = request->spec();
    model->set_spec_digest("0123abcd");
    server_.models_[request->name()] = *model;
    return grpc::Status::OK;
  }

  grpc::Status GetModel(grpc::ServerContext*, const v1::GetModelRequest* request,
                        v1::Model* model) override {
    std::lock_guard lock(server_.mutex_);
    const auto found = server_.models_.find(request->name());
    if (found == server_.models_.end()) {
      return ToGrpc(FakeError(absl::StatusCode::kNotFound, "NO_MODEL",
                              absl::StrCat("model '", request->name(), "' does not exist")));
    }
    *model = found->second;
    return grpc::Status::OK;
  }

  // Pages of one, so that paging is seen.
  grpc::Status ListModels(grpc::ServerContext*, const v1::ListModelsRequest* request,
                          v1::ListModelsResponse* response) override {
    std::lock_guard lock(server_.mutex_);
    auto next = server_.models_.upper_bound(request->page_token());
    if (next == server_.models_.end()) return grpc::Status::OK;
    *response->add_models() = next->second;
    if (std::next(next) != server_.models_.end()) response->set_next_page_token(next->first);
    return grpc::Status::OK;
  }

  grpc::Status DeleteModel(grpc::ServerContext*, const v1::DeleteModelRequest* request,
                           v1::DeleteModelResponse*) override {
    std::lock_guard lock(server_.mutex_);
    server_.models_.erase(request->name());
    return grpc::Status::OK;
  }

  grpc::Status DescribeParts(grpc::ServerContext*, const v1::DescribePartsRequest* request,
                             v1::DescribePartsResponse* response) override {
    if (!request->kind().empty() && request->kind() != "cell") return grpc::Status::OK;
    v1::PartDescription* part = response->add_parts();
    part->set_kind("cell");
    part->set_name("vanilla");
    part->set_sentence("Leaky tanh units.");
    v1::SettingDescription* units = part->add_settings();
    units->set_name("units");
    units->set_type(v1::SettingDescription::TYPE_INTEGER);
    units->set_minimum(1);
    units->set_sentence("Hidden units.");
    v1::SettingDescription* leak = part->add_settings();
    leak->set_name("leak");
    leak->set_type(v1::SettingDescription::TYPE_NUMBER);
    leak->set_minimum(0);
    leak->set_maximum(1);
    leak->mutable_default_value()->set_number(1);
    leak->set_sentence("Part of the old state that is replaced in a step.");
    return grpc::Status::OK;
  }

 private:
  FakeServer& server_;
};

class FakeServer::Streams : public v1::Streams::Service {
 public:
  explicit Streams(FakeServer* server) : server_(*server) {}

  grpc::Status OpenStream(grpc::ServerContext*, const v1::OpenStreamRequest* request,
                          v1::OpenStreamResponse* response) override {
    std::lock_guard lock(server_.mutex_);
    if (grpc::Status status = server_.Administer(request->request_id()); !status.ok()) {
      return status;
    }
    FakeStream* stream = server_.Find(request->id());
    response->set_created(stream == nullptr);
    if (stream == nullptr) {
      const auto model = server_.models_.find(request->model());
      if (model == server_.models_.end()) {
        return ToGrpc(FakeError(absl::StatusCode::kNotFound, "NO_MODEL",
                                absl::StrCat("model '", request->model(), "' does not exist")));
      }
      stream = &server_.streams_
                    .emplace(request->id(), FakeStream(request->id(), request->model(),
                                                       ShapeOf(model->second.spec())))
                    .first->second;
      stream->seed = request->seed();
    }
    stream->closed = false;
    *response->mutable_stream() = server_.Describe(*stream, false);
    return grpc::Status::OK;
  }

  grpc::Status GetStream(grpc::ServerContext*, const v1::GetStreamRequest* request,
                         v1::Stream* reply) override {
    return Act(
        request->id(), "", reply, [](FakeStream&) {}, request->with_digest());
  }
  grpc::Status FreezeStream(grpc::ServerContext*, const v1::FreezeStreamRequest* request,
                            v1::Stream* reply) override {
    return Act(request->id(), request->request_id(), reply,
               [](FakeStream& stream) { stream.frozen = true; });
  }
  grpc::Status UnfreezeStream(grpc::ServerContext*, const v1::UnfreezeStreamRequest* request,
                              v1::Stream* reply) override {
    return Act(request->id(), request->request_id(), reply,
               [](FakeStream& stream) { stream.frozen = false; });
  }
  grpc::Status TakeShadow(grpc::ServerContext*, const v1::TakeShadowRequest* request,
                          v1::Stream* reply) override {
    return Act(request->id(), request->request_id(), reply,
               [](FakeStream& stream) { stream.TakeShadow(); });
  }
  grpc::Status CloseStream(grpc::ServerContext*, const v1::CloseStreamRequest* request,
                           v1::Stream* reply) override {
    return Act(request->id(), request->request_id(), reply,
               [](FakeStream& stream) { stream.closed = true; });
  }

  grpc::Status DeleteStream(grpc::ServerContext*, const v1::DeleteStreamRequest* request,
                            v1::DeleteStreamResponse*) override {
    std::lock_guard lock(server_.mutex_);
    return server_.streams_.erase(request->id()) > 0 ? grpc::Status::OK : NoStream(request->id());
  }
  grpc::Status ForkStream(grpc::ServerContext*, const v1::ForkStreamRequest* request,
                          v1::Stream* reply) override {
    return Act(request->id(), request->request_id(), reply, [&](FakeStream& stream) {
      FakeStream copy = stream;
      copy.id = request->new_id();
      server_.streams_.insert_or_assign(request->new_id(), copy);
    });
  }
  grpc::Status ListVariants(grpc::ServerContext*, const v1::ListVariantsRequest* request,
                            v1::ListVariantsResponse* response) override {
    std::lock_guard lock(server_.mutex_);
    if (server_.Find(request->id()) == nullptr) return NoStream(request->id());
    *response = server_.variants_;
    return grpc::Status::OK;
  }
  grpc::Status PromoteVariant(grpc::ServerContext*, const v1::PromoteVariantRequest* request,
                              v1::Stream* reply) override {
    return Act(request->id(), request->request_id(), reply,
               [](FakeStream& stream) { ++stream.event; });
  }
  grpc::Status ResetStream(grpc::ServerContext*, const v1::ResetStreamRequest* request,
                           v1::Stream* reply) override {
    return Act(request->id(), request->request_id(), reply,
               [](FakeStream& stream) { stream.resets.push_back(stream.applied_seq); });
  }
  grpc::Status SettleStream(grpc::ServerContext*, const v1::SettleStreamRequest* request,
                            v1::Stream* reply) override {
    return Act(request->id(), request->request_id(), reply,
               [](FakeStream& stream) { stream.settles.push_back(stream.applied_seq); });
  }
  grpc::Status SetStream(grpc::ServerContext*, const v1::SetStreamRequest* request,
                         v1::Stream* reply) override {
    return Act(request->id(), request->request_id(), reply,
               [&](FakeStream& stream) { ++stream.event; });
  }
  grpc::Status RestoreStream(grpc::ServerContext*, const v1::RestoreStreamRequest* request,
                             v1::Stream* reply) override {
    return Act(request->id(), request->request_id(), reply,
               [](FakeStream& stream) { ++stream.event; });
  }
  grpc::Status AcceptLoss(grpc::ServerContext*, const v1::AcceptLossRequest* request,
                          v1::Stream* reply) override {
    return Act(request->id(), request->request_id(), reply, [](FakeStream&) {});
  }
  grpc::Status SnapshotStream(grpc::ServerContext*, const v1::SnapshotStreamRequest* request,
                              v1::Snapshot* snapshot) override {
    std::lock_guard lock(server_.mutex_);
    const FakeStream* stream = server_.Find(request->id());
    if (stream == nullptr) return NoStream(request->id());
    snapshot->set_stream(stream->id);
    snapshot->set_event(stream->event);
    snapshot->set_applied_seq(stream->applied_seq);
    server_.snapshots_[stream->id].push_back(*snapshot);
    return grpc::Status::OK;
  }
  grpc::Status ListSnapshots(grpc::ServerContext*, const v1::ListSnapshotsRequest* request,
                             v1::ListSnapshotsResponse* response) override {
    std::lock_guard lock(server_.mutex_);
    for (const v1::Snapshot& snapshot : server_.snapshots_[request->id()]) {
      *response->add_snapshots() = snapshot;
    }
    return grpc::Status::OK;
  }
  grpc::Status RollbackStream(grpc::ServerContext*, const v1::RollbackStreamRequest* request,
                              v1::Stream* reply) override {
    return Act(request->id(), request->request_id(), reply,
               [](FakeStream& stream) { ++stream.epoch; });
  }

  grpc::Status ListStreams(grpc::ServerContext*, const v1::ListStreamsRequest* request,
                           v1::ListStreamsResponse* response) override {
    std::lock_guard lock(server_.mutex_);
    for (const auto& [id, stream] : server_.streams_) {
      if (request->model().empty() || stream.model == request->model()) {
        *response->add_streams() = server_.Describe(stream, false);
      }
    }
    return grpc::Status::OK;
  }

  grpc::Status GetStats(grpc::ServerContext*, const v1::GetStatsRequest* request,
                        v1::StreamStats* stats) override {
    std::lock_guard lock(server_.mutex_);
    const FakeStream* stream = server_.Find(request->stream());
    if (stream == nullptr) return NoStream(request->stream());
    Fill(*stream, stats);
    return grpc::Status::OK;
  }

  grpc::Status WatchStats(grpc::ServerContext* context, const v1::WatchStatsRequest* request,
                          grpc::ServerWriter<v1::WatchStatsResponse>* writer) override {
    std::unique_lock lock(server_.mutex_);
    while (!context->IsCancelled() && !server_.stopping_) {
      v1::WatchStatsResponse response;
      for (const std::string& id : request->streams()) {
        const FakeStream* stream = server_.Find(id);
        if (stream != nullptr) Fill(*stream, response.add_stats());
      }
      lock.unlock();
      const bool written = writer->Write(response);
      lock.lock();
      if (!written) break;
      server_.changed_.wait_for(lock, std::chrono::milliseconds(50));
    }
    return grpc::Status::OK;
  }

 private:
  static void Fill(const FakeStream& stream, v1::StreamStats* stats) {
    stats->set_stream(stream.id);
    stats->set_epoch(stream.epoch);
    stats->set_applied_seq(stream.applied_seq);
    stats->set_learned_seq(stream.learned_seq);
    stats->set_durable_seq(stream.durable_seq);
    stats->set_frozen(stream.frozen);
    stats->set_updates(stream.learned.size());
    stats->set_resets(stream.resets.size());
    stats->set_serving("live");
    if (stream.shadow_seq > 0) stats->set_shadow_seq(stream.shadow_seq);
    if (stream.shadow_seq > 0) stats->set_recovery(0.5);
    v1::ShiftMark* mark = stats->add_marks();
    mark->set_cause(v1::ShiftMark::CAUSE_LOSS);
    // The latest only, one every thousand steps.
    mark->set_seq(stream.applied_seq / 1000 * 1000 + 7);
    mark->set_detected_seq(mark->seq() + 2);
  }

  grpc::Status Act(const std::string& id, const std::string& request_id, v1::Stream* reply,
                   const std::function<void(FakeStream&)>& act, bool with_digest = false) {
    std::lock_guard lock(server_.mutex_);
    if (grpc::Status status = server_.Administer(request_id); !status.ok()) return status;
    FakeStream* stream = server_.Find(id);
    if (stream == nullptr) return NoStream(id);
    act(*stream);
    *reply = server_.Describe(*stream, with_digest);
    return grpc::Status::OK;
  }

  FakeServer& server_;
};

std::unique_ptr<grpc::Service> FakeServer::NewModelsService() {
  return std::make_unique<Models>(this);
}

std::unique_ptr<grpc::Service> FakeServer::NewStreamsService() {
  return std::make_unique<Streams>(this);
}

}  // namespace millrace::client
