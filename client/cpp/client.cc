#include "client/cpp/client.h"

#include <chrono>
#include <random>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "client/cpp/backoff.h"
#include "client/cpp/status.h"

namespace millrace::client {
namespace {

std::string NewRequestId() {
  std::random_device device;
  const auto word = [&device] { return static_cast<std::uint64_t>(device()); };
  return absl::StrFormat("%08x%08x%08x%08x", word(), word(), word(), word());
}

template <typename Request>
Request Changing(const std::string& id) {
  Request request;
  request.set_id(id);
  request.set_request_id(NewRequestId());
  return request;
}

}  // namespace

StatsWatch::StatsWatch(v1::Streams::Stub* stub, const v1::WatchStatsRequest& request)
    : reader_(stub->WatchStats(&context_, request)) {}

bool StatsWatch::Next(v1::WatchStatsResponse* response) { return reader_->Read(response); }

absl::Status StatsWatch::status() { return FromGrpc(reader_->Finish()); }

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(const ConnectOptions& options) {
  auto channel = OpenChannel(options);
  if (!channel.ok()) return channel.status();
  return std::unique_ptr<Client>(new Client(options, *std::move(channel)));
}

Client::Client(const ConnectOptions& options, std::shared_ptr<grpc::Channel> channel)
    : options_(options),
      channel_(std::move(channel)),
      models_(v1::Models::NewStub(channel_)),
      streams_(v1::Streams::NewStub(channel_)),
      learning_(v1::Learning::NewStub(channel_)),
      health_(grpc::health::v1::Health::NewStub(channel_)) {}

template <typename Stub, typename Request, typename Response>
absl::Status Client::Call(Stub* stub,
                          grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                       Response*),
                          const Request& request, Response* response) {
  const absl::Time deadline = absl::Now() + options_.deadline;
  Backoff backoff(absl::Milliseconds(50), absl::Seconds(1),
                  static_cast<std::uint64_t>(absl::GetCurrentTimeNanos()));
  while (true) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(deadline));
    response->Clear();
    absl::Status status = FromGrpc((stub->*method)(&context, request, response));
    const absl::Duration wait = backoff.Next();
    if (IsTransient(status) && absl::Now() + wait < deadline) {
      std::this_thread::sleep_for(absl::ToChronoNanoseconds(wait));
      continue;
    }
    if (ReasonOf(status).empty() &&
        (IsTransient(status) || status.code() == absl::StatusCode::kDeadlineExceeded)) {
      return absl::Status(status.code(),
                          absl::StrCat("server ", options_.server, " did not answer within ",
                                       absl::FormatDuration(options_.deadline), " (",
                                       status.message(), "); is it running?"));
    }
    return status;
  }
}

template <typename Request>
absl::StatusOr<v1::Stream> Client::Act(
    grpc::Status (v1::Streams::Stub::*method)(grpc::ClientContext*, const Request&, v1::Stream*),
    Request request) {
  v1::Stream stream;
  absl::Status status = Call(streams_.get(), method, request, &stream);
  if (!status.ok()) return status;
  return stream;
}

absl::StatusOr<v1::Model> Client::CreateModel(const std::string& name, const v1::ModelSpec& spec) {
  v1::CreateModelRequest request;
  request.set_name(name);
  *request.mutable_spec() = spec;
  request.set_request_id(NewRequestId());
  v1::Model model;
  absl::Status status = Call(models_.get(), &v1::Models::Stub::CreateModel, request, &model);
  if (!status.ok()) return status;
  return model;
}

absl::StatusOr<v1::Model> Client::GetModel(const std::string& name) {
  v1::GetModelRequest request;
  request.set_name(name);
  v1::Model model;
  absl::Status status = Call(models_.get(), &v1::Models::Stub::GetModel, request, &model);
  if (!status.ok()) return status;
  return model;
}

absl::StatusOr<std::vector<v1::Model>> Client::ListModels() {
  std::vector<v1::Model> models;
  v1::ListModelsRequest request;
  v1::ListModelsResponse page;
  do {
    request.set_page_token(page.next_page_token());
    absl::Status status = Call(models_.get(), &v1::Models::Stub::ListModels, request, &page);
    if (!status.ok()) return status;
    models.insert(models.end(), page.models().begin(), page.models().end());
  } while (!page.next_page_token().empty());
  return models;
}

absl::Status Client::DeleteModel(const std::string& name) {
  v1::DeleteModelRequest request;
  request.set_name(name);
  request.set_request_id(NewRequestId());
  v1::DeleteModelResponse response;
  return Call(models_.get(), &v1::Models::Stub::DeleteModel, request, &response);
}

absl::StatusOr<std::vector<v1::PartDescription>> Client::DescribeParts(const std::string& kind) {
  v1::DescribePartsRequest request;
  request.set_kind(kind);
  v1::DescribePartsResponse response;
  absl::Status status = Call(models_.get(), &v1::Models::Stub::DescribeParts, request, &response);
  if (!status.ok()) return status;
  return std::vector<v1::PartDescription>(response.parts().begin(), response.parts().end());
}

absl::StatusOr<v1::OpenStreamResponse> Client::OpenStream(const std::string& id,
                                                          const OpenOptions& options) {
  auto request = Changing<v1::OpenStreamRequest>(id);
  request.set_model(options.model);
  if (options.seed) request.set_seed(*options.seed);
  for (const v1::Setting& setting : options.overrides) *request.add_overrides() = setting;
  v1::OpenStreamResponse response;
  absl::Status status = Call(streams_.get(), &v1::Streams::Stub::OpenStream, request, &response);
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::Stream> Client::GetStream(const std::string& id, bool with_digest) {
  v1::GetStreamRequest request;
  request.set_id(id);
  request.set_with_digest(with_digest);
  return Act(&v1::Streams::Stub::GetStream, std::move(request));
}

absl::StatusOr<std::vector<v1::Stream>> Client::ListStreams(const std::string& model) {
  std::vector<v1::Stream> streams;
  v1::ListStreamsRequest request;
  request.set_model(model);
  v1::ListStreamsResponse page;
  do {
    request.set_page_token(page.next_page_token());
    absl::Status status = Call(streams_.get(), &v1::Streams::Stub::ListStreams, request, &page);
    if (!status.ok()) return status;
    streams.insert(streams.end(), page.streams().begin(), page.streams().end());
  } while (!page.next_page_token().empty());
  return streams;
}

absl::StatusOr<v1::Stream> Client::CloseStream(const std::string& id) {
  return Act(&v1::Streams::Stub::CloseStream, Changing<v1::CloseStreamRequest>(id));
}

absl::Status Client::DeleteStream(const std::string& id) {
  v1::DeleteStreamResponse response;
  return Call(streams_.get(), &v1::Streams::Stub::DeleteStream,
              Changing<v1::DeleteStreamRequest>(id), &response);
}

absl::StatusOr<std::vector<v1::Variant>> Client::ListVariants(const std::string& id) {
  v1::ListVariantsRequest request;
  request.set_id(id);
  v1::ListVariantsResponse response;
  absl::Status status = Call(streams_.get(), &v1::Streams::Stub::ListVariants, request, &response);
  if (!status.ok()) return status;
  return std::vector<v1::Variant>(response.variants().begin(), response.variants().end());
}

absl::StatusOr<v1::Stream> Client::PromoteVariant(const std::string& id,
                                                  const std::string& variant) {
  auto request = Changing<v1::PromoteVariantRequest>(id);
  request.set_variant(variant);
  return Act(&v1::Streams::Stub::PromoteVariant, std::move(request));
}

absl::StatusOr<v1::Stream> Client::ForkStream(const std::string& id, const std::string& new_id,
                                              const ForkOptions& options) {
  auto request = Changing<v1::ForkStreamRequest>(id);
  request.set_new_id(new_id);
  request.set_follow(options.follow);
  for (const v1::Setting& setting : options.settings) *request.add_settings() = setting;
  return Act(&v1::Streams::Stub::ForkStream, std::move(request));
}

absl::StatusOr<v1::Stream> Client::FreezeStream(const std::string& id) {
  return Act(&v1::Streams::Stub::FreezeStream, Changing<v1::FreezeStreamRequest>(id));
}

absl::StatusOr<v1::Stream> Client::UnfreezeStream(const std::string& id) {
  return Act(&v1::Streams::Stub::UnfreezeStream, Changing<v1::UnfreezeStreamRequest>(id));
}

absl::StatusOr<v1::Stream> Client::ResetStream(const std::string& id) {
  return Act(&v1::Streams::Stub::ResetStream, Changing<v1::ResetStreamRequest>(id));
}

absl::StatusOr<v1::Stream> Client::SettleStream(const std::string& id) {
  return Act(&v1::Streams::Stub::SettleStream, Changing<v1::SettleStreamRequest>(id));
}

absl::StatusOr<v1::Stream> Client::SetStream(const std::string& id,
                                             const std::vector<v1::Setting>& settings) {
  auto request = Changing<v1::SetStreamRequest>(id);
  for (const v1::Setting& setting : settings) *request.add_settings() = setting;
  return Act(&v1::Streams::Stub::SetStream, std::move(request));
}

absl::StatusOr<v1::Stream> Client::TakeShadow(const std::string& id) {
  return Act(&v1::Streams::Stub::TakeShadow, Changing<v1::TakeShadowRequest>(id));
}

absl::StatusOr<v1::Stream> Client::RestoreStream(const std::string& id) {
  return Act(&v1::Streams::Stub::RestoreStream, Changing<v1::RestoreStreamRequest>(id));
}

absl::StatusOr<v1::Snapshot> Client::SnapshotStream(const std::string& id) {
  v1::Snapshot snapshot;
  absl::Status status = Call(streams_.get(), &v1::Streams::Stub::SnapshotStream,
                             Changing<v1::SnapshotStreamRequest>(id), &snapshot);
  if (!status.ok()) return status;
  return snapshot;
}

absl::StatusOr<std::vector<v1::Snapshot>> Client::ListSnapshots(const std::string& id) {
  v1::ListSnapshotsRequest request;
  request.set_id(id);
  v1::ListSnapshotsResponse response;
  absl::Status status = Call(streams_.get(), &v1::Streams::Stub::ListSnapshots, request, &response);
  if (!status.ok()) return status;
  return std::vector<v1::Snapshot>(response.snapshots().begin(), response.snapshots().end());
}

absl::StatusOr<v1::Stream> Client::RollbackStream(const std::string& id,
                                                  std::optional<std::uint64_t> event) {
  auto request = Changing<v1::RollbackStreamRequest>(id);
  if (event) request.set_event(*event);
  return Act(&v1::Streams::Stub::RollbackStream, std::move(request));
}

absl::StatusOr<v1::Stream> Client::AcceptLoss(const std::string& id) {
  return Act(&v1::Streams::Stub::AcceptLoss, Changing<v1::AcceptLossRequest>(id));
}

absl::StatusOr<v1::StreamStats> Client::GetStats(const std::string& id) {
  v1::GetStatsRequest request;
  request.set_stream(id);
  v1::StreamStats stats;
  absl::Status status = Call(streams_.get(), &v1::Streams::Stub::GetStats, request, &stats);
  if (!status.ok()) return status;
  return stats;
}

std::unique_ptr<StatsWatch> Client::WatchStats(const std::vector<std::string>& streams,
                                               std::uint32_t period_ms) {
  v1::WatchStatsRequest request;
  for (const std::string& stream : streams) request.add_streams(stream);
  request.set_period_ms(period_ms);
  return std::make_unique<StatsWatch>(streams_.get(), request);
}

absl::StatusOr<grpc::health::v1::HealthCheckResponse> Client::CheckHealth(
    const std::string& service) {
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  grpc::health::v1::HealthCheckResponse response;
  absl::Status status =
      Call(health_.get(), &grpc::health::v1::Health::Stub::Check, request, &response);
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::PeekResponse> Client::Peek(const v1::PeekRequest& request) {
  v1::PeekResponse response;
  absl::Status status = Call(learning_.get(), &v1::Learning::Stub::Peek, request, &response);
  if (!status.ok()) return status;
  return response;
}

std::shared_ptr<Session> Client::StartSession(const SessionOptions& options) {
  return Session::Start(channel_, options);
}

}  // namespace millrace::client
