#include "tests/client/fake_server.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <thread>

#include "absl/strings/str_cat.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/server_builder.h"

namespace millrace::client {
namespace {

grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
                      ToRpc(status).SerializeAsString());
}

}  // namespace

class FakeServer::Learning : public v1::Learning::Service {
 public:
  explicit Learning(FakeServer* server) : server_(*server) {}

  grpc::Status Learn(grpc::ServerContext* context,
                     grpc::ServerReaderWriter<v1::LearnReply, v1::LearnRequest>* stream) override {
    std::deque<v1::LearnPartReply> replies;
    bool ended = false;
    std::thread writer([&] { Write(stream, &replies, &ended); });
    v1::LearnRequest request;
    bool dropped = false;
    while (!dropped && stream->Read(&request)) {
      for (const v1::LearnPart& part : request.parts()) {
        std::lock_guard lock(server_.mutex_);
        v1::LearnPartReply reply;
        if (!server_.Handle(part, &reply)) {
          dropped = true;
          replies.clear();
          break;
        }
        replies.push_back(reply);
        server_.changed_.notify_all();
      }
    }
    {
      std::lock_guard lock(server_.mutex_);
      ended = true;
      server_.unanswered_steps_.clear();
    }
    server_.changed_.notify_all();
    writer.join();
    if (context->IsCancelled()) return grpc::Status::CANCELLED;
    return dropped ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "connection lost")
                   : grpc::Status::OK;
  }

 private:
  void Write(grpc::ServerReaderWriter<v1::LearnReply, v1::LearnRequest>* stream,
             std::deque<v1::LearnPartReply>* replies, bool* ended) {
    std::unique_lock lock(server_.mutex_);
    while (true) {
      server_.changed_.wait(lock, [&] {
        return *ended || server_.stopping_ || (!server_.hold_ && !replies->empty());
      });
      if (replies->empty() || server_.hold_) return;
      v1::LearnReply reply;
      for (const v1::LearnPartReply& part : *replies) *reply.add_parts() = part;
      replies->clear();
      for (const v1::LearnPartReply& part : reply.parts()) {
        std::uint64_t& unanswered = server_.unanswered_steps_[part.stream()];
        unanswered -= std::min<std::uint64_t>(unanswered, part.observe().steps());
      }
      lock.unlock();
      const bool written = stream->Write(reply);
      lock.lock();
      if (!written) return;
    }
  }

  FakeServer& server_;
};

absl::Status FakeServer::HandleAttach(const v1::LearnPart& part, v1::LearnPartReply* reply) {
  FakeStream* stream = Find(part.stream());
  if (stream == nullptr) {
    return FakeError(absl::StatusCode::kNotFound, "NO_STREAM",
                     absl::StrCat("stream '", part.stream(), "' does not exist"));
  }
  if (stream->durable_seq < part.attach().last_durable_seq()) {
    return FakeError(
        absl::StatusCode::kDataLoss, "LOST_STEPS",
        absl::StrCat("stream '", stream->id, "' was recovered at ", stream->durable_seq));
  }
  stream->token = next_token_++;
  v1::AttachResult* attach = reply->mutable_attach();
  attach->set_writer_token(stream->token);
  attach->set_window_steps(window_steps_);
  attach->set_window_bytes(window_bytes_);
  for (std::uint64_t seq : stream->open_targets()) attach->add_held_targets(seq);
  return absl::OkStatus();
}

bool FakeServer::Handle(const v1::LearnPart& part, v1::LearnPartReply* reply) {
  ++parts_received_;
  const Fault fault = on_part_ ? on_part_(part) : Fault();
  if (fault.kind == Fault::Kind::kDropBefore) return false;
  reply->set_part_id(part.part_id());
  reply->set_stream(part.stream());
  FakeStream* stream = Find(part.stream());
  absl::Status status = fault.status;
  if (fault.kind != Fault::Kind::kRefuse) {
    status = part.has_attach()   ? HandleAttach(part, reply)
             : stream == nullptr ? absl::NotFoundError("no stream")
                                 : stream->Apply(part, reply);
  }
  if (!status.ok()) *reply->mutable_status() = ToRpc(status);
  if (stream != nullptr) {
    reply->set_epoch(stream->epoch);
    reply->set_applied_seq(stream->applied_seq);
    reply->set_learned_seq(stream->learned_seq);
    reply->set_durable_seq(stream->durable_seq);
  }
  std::uint64_t& unanswered = unanswered_steps_[part.stream()];
  unanswered += reply->observe().steps();
  most_unanswered_steps_ = std::max(most_unanswered_steps_, unanswered);
  changed_.notify_all();
  return fault.kind != Fault::Kind::kDropAfter;
}

FakeServer::FakeServer()
    : models_service_(NewModelsService()),
      streams_service_(NewStreamsService()),
      learning_service_(std::make_unique<Learning>(this)) {
  Start();
}

FakeServer::~FakeServer() { Stop(); }

void FakeServer::Start() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = false;
  }
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(absl::StrCat("127.0.0.1:", port_), grpc::InsecureServerCredentials(),
                           &port_);
  builder.RegisterService(models_service_.get());
  builder.RegisterService(streams_service_.get());
  builder.RegisterService(learning_service_.get());
  server_ = builder.BuildAndStart();
  SetLearning(true);
}

void FakeServer::SetVariants(const v1::ListVariantsResponse& variants) {
  std::lock_guard lock(mutex_);
  variants_ = variants;
}

void FakeServer::SetLearning(bool serving) {
  server_->GetHealthCheckService()->SetServingStatus("millrace.v1.Learning", serving);
}

void FakeServer::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (server_) server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
}

std::string FakeServer::address() const { return absl::StrCat("127.0.0.1:", port_); }

void FakeServer::OnPart(std::function<Fault(const v1::LearnPart&)> on_part) {
  std::lock_guard lock(mutex_);
  on_part_ = std::move(on_part);
}

void FakeServer::HoldReplies(bool hold) {
  {
    std::lock_guard lock(mutex_);
    hold_ = hold;
  }
  changed_.notify_all();
}

void FakeServer::SetWindow(std::uint32_t steps, std::uint32_t bytes) {
  std::lock_guard lock(mutex_);
  window_steps_ = steps;
  window_bytes_ = bytes;
}

void FakeServer::RefuseAdministration(int times) {
  std::lock_guard lock(mutex_);
  refuse_administration_ = times;
}

grpc::Status FakeServer::Administer(const std::string& request_id) {
  if (!request_id.empty()) request_ids_.push_back(request_id);
  if (refuse_administration_ == 0) return grpc::Status::OK;
  --refuse_administration_;
  return ToGrpc(FakeError(absl::StatusCode::kUnavailable, "DRAINING", "the server drains"));
}

FakeStream& FakeServer::AddStream(const std::string& id, const FakeShape& shape,
                                  const std::string& model) {
  std::lock_guard lock(mutex_);
  return streams_.emplace(id, FakeStream(id, model, shape)).first->second;
}

FakeStream* FakeServer::Find(const std::string& id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : &found->second;
}

void FakeServer::WithStream(const std::string& id, const std::function<void(FakeStream&)>& look) {
  std::lock_guard lock(mutex_);
  look(streams_.at(id));
}

bool FakeServer::WaitFor(const std::string& id,
                         const std::function<bool(const FakeStream&)>& done) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return done(streams_.at(id)); });
}

int FakeServer::parts_received() const {
  std::lock_guard lock(mutex_);
  return parts_received_;
}

std::uint64_t FakeServer::most_unanswered_steps() const {
  std::lock_guard lock(mutex_);
  return most_unanswered_steps_;
}

std::vector<std::string> FakeServer::request_ids() const {
  std::lock_guard lock(mutex_);
  return request_ids_;
}

v1::Stream FakeServer::Describe(const FakeStream& stream, bool with_digest) const {
  v1::Stream description;
  description.set_id(stream.id);
  description.set_model(stream.model);
  description.set_epoch(stream.epoch);
  description.set_seed(stream.seed);
  description.set_applied_seq(stream.applied_seq);
  description.set_learned_seq(stream.learned_seq);
  description.set_durable_seq(stream.durable_seq);
  description.set_event(stream.event);
  description.set_frozen(stream.frozen);
  description.set_closed(stream.closed);
  if (with_digest) description.set_digest(stream.Digest());
  if (with_digest) description.set_learner_digest(stream.Digest());
  return description;
}

}  // namespace millrace::client
