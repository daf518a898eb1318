#include "server/services/watch_reactor.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "server/services/status_map.h"

namespace millrace::server {
namespace {

constexpr int kMostStreams = 64;
constexpr std::uint32_t kDefaultPeriodMs = 1000, kLeastPeriodMs = 100, kMostPeriodMs = 60000;

absl::Status Malformed(const std::string& sentence) {
  return engine::Error(absl::StatusCode::kInvalidArgument, kBadPart, sentence);
}

std::chrono::milliseconds PeriodOf(const v1::WatchStatsRequest& request) {
  return std::chrono::milliseconds(request.period_ms() == 0 ? kDefaultPeriodMs
                                                            : request.period_ms());
}

}  // namespace

WatchReactor* WatchReactor::Start(const Site& site, const std::string& principal,
                                  const v1::WatchStatsRequest& request) {
  const std::shared_ptr<WatchReactor> call(new WatchReactor(site, request));
  call->self_ = call;
  call->Begin(principal);
  return call.get();
}

void WatchReactor::Begin(const std::string& principal) {
  absl::Status status = Check(principal);
  if (status.ok()) {
    status = site_.gate->Enter(CallKind::kWatch, self_);
    entered_ = status.ok();
  }
  if (entered_) site_.metrics->watch_calls_open().Increment();
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!status.ok()) {
    FinishWith(status);
  } else if (step_ == Step::kIdle) {  // the drain may have ended it already
    PostGather();
  }
}

absl::Status WatchReactor::Check(const std::string& principal) const {
  if (request_.streams().empty() || request_.streams_size() > kMostStreams) {
    return Malformed(absl::StrCat("streams has ", request_.streams_size(),
                                  " entries; WatchStats takes 1 to ", kMostStreams));
  }
  const std::uint32_t period_ms = request_.period_ms();
  if (period_ms != 0 && (period_ms < kLeastPeriodMs || period_ms > kMostPeriodMs)) {
    return Malformed(absl::StrCat("period_ms is ", period_ms, "; WatchStats takes ", kLeastPeriodMs,
                                  " to ", kMostPeriodMs, " milliseconds, or 0 for ",
                                  kDefaultPeriodMs));
  }
  for (const std::string& stream : request_.streams()) {
    absl::Status status = site_.authorizer->Authorize(principal, Verb::kObserve, stream);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void WatchReactor::PostGather() {
  step_ = Step::kGather;
  site_.pool->Post([call = self_] { call->Gather(); });
}

void WatchReactor::Gather() {
  v1::WatchStatsResponse response;
  const absl::Status status = Collect(&response, first_);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!ending_.ok() || !status.ok()) {
    FinishWith(ending_.ok() ? status : ending_);
    return;
  }
  first_ = false;
  response_.Swap(&response);
  step_ = Step::kWrite;
  StartWrite(&response_);
}

absl::Status WatchReactor::Collect(v1::WatchStatsResponse* response, bool first) const {
  for (const std::string& stream : request_.streams()) {
    absl::StatusOr<v1::StreamStats> stats = site_.runtime->GetStats(stream);
    if (stats.ok()) {
      *response->add_stats() = *std::move(stats);
    } else if (first) {
      return stats.status();
    }
  }
  return absl::OkStatus();
}

void WatchReactor::OnWriteDone(bool ok) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (step_ == Step::kFinished) return;
  if (!ok && ending_.ok()) ending_ = absl::CancelledError("the call was cancelled");
  if (!ending_.ok()) {
    FinishWith(ending_);
    return;
  }
  step_ = Step::kWait;
  // Weak: the alarm keeps what it calls until it is set again.
  period_.Set(std::chrono::system_clock::now() + PeriodOf(request_),
              [weak = weak_from_this()](bool) {
                if (const auto call = weak.lock()) call->OnPeriod();
              });
}

void WatchReactor::OnPeriod() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (step_ != Step::kWait) return;
  PostGather();
}

void WatchReactor::OnCancel() {
  const std::lock_guard<std::mutex> lock(mutex_);
  End(absl::CancelledError("the call was cancelled"));
}

void WatchReactor::DrainCall() {
  const std::lock_guard<std::mutex> lock(mutex_);
  End(DrainingServer());
}

void WatchReactor::End(const absl::Status& status) {
  if (step_ == Step::kFinished || !ending_.ok()) return;
  ending_ = status;
  if (step_ == Step::kGather || step_ == Step::kWrite) return;
  FinishWith(status);
  period_.Cancel();
}

void WatchReactor::FinishWith(const absl::Status& status) {
  step_ = Step::kFinished;
  const grpc::Status answer = ToGrpcStatus(status);
  code_ = answer.error_code();
  Finish(answer);
}

void WatchReactor::OnDone() {
  site_.metrics->RpcDone("Streams/WatchStats", code_);
  if (entered_) {
    site_.metrics->watch_calls_open().Decrement();
    site_.gate->Leave(CallKind::kWatch, this);
  }
  const std::shared_ptr<WatchReactor> last = std::move(self_);
}

}  // namespace millrace::server
