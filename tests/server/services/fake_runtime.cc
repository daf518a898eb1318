#include "tests/server/services/fake_runtime.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"

namespace millrace::server {
namespace {

absl::Status NoStream(const std::string& id) {
  return engine::Error(absl::StatusCode::kNotFound, kNoStream,
                       absl::StrCat("there is no stream '", id, "'"), {{"stream", id}});
}

}  // namespace

void FakeRuntime::Stall(const std::string& stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  stalled_.insert(stream);
}

void FakeRuntime::Release(const std::string& stream) {
  // Stalled until the last one is answered, so that none overtakes another.
  while (true) {
    PartTask task;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const auto next = std::find_if(waiting.begin(), waiting.end(), [&](const PartTask& one) {
        return one.part.stream() == stream;
      });
      if (next == waiting.end()) {
        stalled_.erase(stream);
        return;
      }
      task = std::move(*next);
      waiting.erase(next);
    }
    Answer(task);
  }
}

void FakeRuntime::MoveDurable(const std::string& stream, std::uint64_t durable_seq) {
  DurableListener listener;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    listener = listeners.at(tokens_.at(stream));
  }
  listener(stream, 1, durable_seq);
}

bool FakeRuntime::Await(const std::function<bool()>& condition) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(30), condition);
}

absl::StatusOr<v1::Stream> FakeRuntime::Touch(const std::string& call, const std::string& id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  calls.push_back(absl::StrCat(call, " ", id));
  const auto found = streams_.find(id);
  if (found == streams_.end()) return NoStream(id);
  return found->second;
}

absl::StatusOr<v1::Model> FakeRuntime::CreateModel(const v1::CreateModelRequest& request) {
  v1::Model model;
  model.set_name(request.name());
  return model;
}

absl::StatusOr<v1::Model> FakeRuntime::GetModel(const std::string& name) {
  return engine::Error(absl::StatusCode::kNotFound, kNoModel,
                       absl::StrCat("there is no model '", name, "'"), {{"model", name}});
}

absl::StatusOr<v1::ListModelsResponse> FakeRuntime::ListModels(const v1::ListModelsRequest&) {
  return v1::ListModelsResponse();
}

absl::Status FakeRuntime::DeleteModel(const v1::DeleteModelRequest&) { return absl::OkStatus(); }

absl::StatusOr<v1::DescribePartsResponse> FakeRuntime::DescribeParts(
    const v1::DescribePartsRequest&) {
  return v1::DescribePartsResponse();
}

absl::StatusOr<v1::OpenStreamResponse> FakeRuntime::OpenStream(
    const v1::OpenStreamRequest& request) {
  const std::lock_guard<std::mutex> lock(mutex_);
  v1::OpenStreamResponse response;
  v1::Stream& stream = streams_[request.id()];
  response.set_created(stream.id().empty());
  stream.set_id(request.id());
  stream.set_epoch(1);
  *response.mutable_stream() = stream;
  return response;
}

absl::StatusOr<v1::Stream> FakeRuntime::GetStream(const v1::GetStreamRequest& request) {
  return Touch("GetStream", request.id());
}

absl::StatusOr<v1::ListStreamsResponse> FakeRuntime::ListStreams(
    const v1::ListStreamsRequest& request) {
  const std::lock_guard<std::mutex> lock(mutex_);
  v1::ListStreamsResponse response;
  for (auto at = streams_.upper_bound(request.page_token()); at != streams_.end(); ++at) {
    if (request.page_size() > 0 && response.streams_size() == request.page_size()) {
      response.set_next_page_token(response.streams().rbegin()->id());
      break;
    }
    *response.add_streams() = at->second;
  }
  return response;
}

absl::StatusOr<v1::Stream> FakeRuntime::CloseStream(const v1::CloseStreamRequest& request) {
  return Touch("CloseStream", request.id());
}

absl::Status FakeRuntime::DeleteStream(const v1::DeleteStreamRequest& request) {
  return Touch("DeleteStream", request.id()).status();
}

absl::StatusOr<v1::Stream> FakeRuntime::ForkStream(const v1::ForkStreamRequest& request) {
  return Touch("ForkStream", request.id());
}

absl::StatusOr<v1::ListVariantsResponse> FakeRuntime::ListVariants(
    const v1::ListVariantsRequest& request) {
  if (auto stream = Touch("ListVariants", request.id()); !stream.ok()) return stream.status();
  return v1::ListVariantsResponse();
}

absl::StatusOr<v1::Stream> FakeRuntime::PromoteVariant(const v1::PromoteVariantRequest& request) {
  return Touch("PromoteVariant", request.id());
}

absl::StatusOr<v1::Stream> FakeRuntime::FreezeStream(const v1::FreezeStreamRequest& request) {
  return Touch("FreezeStream", request.id());
}

absl::StatusOr<v1::Stream> FakeRuntime::UnfreezeStream(const v1::UnfreezeStreamRequest& request) {
  return Touch("UnfreezeStream", request.id());
}

absl::StatusOr<v1::Stream> FakeRuntime::ResetStream(const v1::ResetStreamRequest& request) {
  return Touch("ResetStream", request.id());
}

absl::StatusOr<v1::Stream> FakeRuntime::SettleStream(const v1::SettleStreamRequest& request) {
  return Touch("SettleStream", request.id());
}

absl::StatusOr<v1::Stream> FakeRuntime::SetStream(const v1::SetStreamRequest& request) {
  return Touch("SetStream", request.id());
}

absl::StatusOr<v1::Stream> FakeRuntime::TakeShadow(const v1::TakeShadowRequest& request) {
  return Touch("TakeShadow", request.id());
}

absl::StatusOr<v1::Stream> FakeRuntime::RestoreStream(const v1::RestoreStreamRequest& request) {
  return Touch("RestoreStream", request.id());
}

absl::StatusOr<v1::Snapshot> FakeRuntime::SnapshotStream(const v1::SnapshotStreamRequest& request) {
  const absl::StatusOr<v1::Stream> stream = Touch("SnapshotStream", request.id());
  if (!stream.ok()) return stream.status();
  v1::Snapshot snapshot;
  snapshot.set_stream(request.id());
  return snapshot;
}

absl::StatusOr<v1::ListSnapshotsResponse> FakeRuntime::ListSnapshots(
    const v1::ListSnapshotsRequest& request) {
  const absl::StatusOr<v1::Stream> stream = Touch("ListSnapshots", request.id());
  if (!stream.ok()) return stream.status();
  return v1::ListSnapshotsResponse();
}

absl::StatusOr<v1::Stream> FakeRuntime::RollbackStream(const v1::RollbackStreamRequest& request) {
  return Touch("RollbackStream", request.id());
}

absl::StatusOr<v1::Stream> FakeRuntime::AcceptLoss(const v1::AcceptLossRequest& request) {
  return Touch("AcceptLoss", request.id());
}

absl::StatusOr<v1::StreamStats> FakeRuntime::GetStats(const std::string& stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return NoStream(stream);
  v1::StreamStats own = stats;
  own.set_stream(stream);
  own.set_applied_seq(found->second.applied_seq());
  own.set_live_loss(0.25);
  return own;
}

absl::StatusOr<v1::StreamStats> FakeRuntime::StatsNow(const std::string& stream) {
  return GetStats(stream);
}

void FakeRuntime::Submit(PartTask task) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++submitted;
    if (stalled_.count(task.part.stream()) > 0) {
      waiting_bytes += static_cast<std::int64_t>(task.part.ByteSizeLong());
      peak_waiting_bytes = std::max(peak_waiting_bytes, waiting_bytes);
      waiting.push_back(std::move(task));
      changed_.notify_all();
      return;
    }
    waiting_bytes += static_cast<std::int64_t>(task.part.ByteSizeLong());
  }
  Answer(task);
}

v1::LearnPartReply FakeRuntime::Apply(const PartTask& task) {
  const v1::LearnPart& part = task.part;
  v1::LearnPartReply reply;
  reply.set_part_id(part.part_id());
  reply.set_stream(part.stream());
  const std::lock_guard<std::mutex> lock(mutex_);
  waiting_bytes -= static_cast<std::int64_t>(part.ByteSizeLong());
  ++answered;
  const auto found = streams_.find(part.stream());
  if (found == streams_.end()) {
    *reply.mutable_status() = ToRpcStatus(NoStream(part.stream()));
    return reply;
  }
  v1::Stream& stream = found->second;
  if (part.has_attach()) {
    tokens_[part.stream()] = ++last_token_;
    reply.mutable_attach()->set_writer_token(last_token_);
  } else if (part.has_observe()) {
    stream.set_applied_seq(part.observe().first_seq());
    v1::ObserveResult& result = *reply.mutable_observe();
    result.set_steps(1);
    for (int i = 0; i < outputs_per_step; ++i) result.add_outputs(0.5f);
  }
  reply.set_epoch(stream.epoch());
  reply.set_applied_seq(stream.applied_seq());
  return reply;
}

void FakeRuntime::Answer(const PartTask& task) {
  task.done(Apply(task), /*more=*/false);
  const std::lock_guard<std::mutex> lock(mutex_);
  changed_.notify_all();
}

absl::StatusOr<v1::PeekResponse> FakeRuntime::Peek(const v1::PeekRequest& request) {
  const absl::StatusOr<v1::Stream> stream = Touch("Peek", request.stream());
  if (!stream.ok()) return stream.status();
  v1::PeekResponse response;
  response.set_next_seq(stream->applied_seq() + 1);
  return response;
}

void FakeRuntime::Listen(std::uint64_t writer_token, DurableListener listener) {
  const std::lock_guard<std::mutex> lock(mutex_);
  listeners[writer_token] = std::move(listener);
  changed_.notify_all();
}

void FakeRuntime::StopListening(std::uint64_t writer_token) {
  const std::lock_guard<std::mutex> lock(mutex_);
  listeners.erase(writer_token);
  changed_.notify_all();
}

RuntimeFigures FakeRuntime::Figures(const EachStats& each) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (each != nullptr) {
    for (const auto& [model, of_stream] : each_stats) each(model, of_stream);
  }
  return figures;
}

absl::Status FakeRuntime::Health() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return health;
}

absl::Status FakeRuntime::Drain(absl::Time) {
  const std::lock_guard<std::mutex> lock(mutex_);
  drained = true;
  changed_.notify_all();
  return absl::OkStatus();
}

}  // namespace millrace::server
