#include "client/cpp/stream_writer.h"

#include <utility>

#include "absl/time/clock.h"

namespace millrace::client {
namespace {

// A callback that fulfils a promise, and the promise's future.
template <typename Result>
std::pair<std::function<void(absl::StatusOr<Result>)>, std::future<absl::StatusOr<Result>>>
Promised() {
  auto promise = std::make_shared<std::promise<absl::StatusOr<Result>>>();
  std::future<absl::StatusOr<Result>> future = promise->get_future();
  return {[promise](absl::StatusOr<Result> result) { promise->set_value(std::move(result)); },
          std::move(future)};
}

}  // namespace

StreamWriter::StreamWriter(std::shared_ptr<Session> session, std::shared_ptr<Outbox> outbox)
    : session_(std::move(session)), outbox_(std::move(outbox)) {}

StreamWriter::~StreamWriter() { session_->Remove(outbox_->stream()); }

const std::string& StreamWriter::stream() const { return outbox_->stream(); }

Numbers StreamWriter::numbers() const {
  std::lock_guard lock(session_->mutex_);
  return outbox_->numbers();
}

std::uint64_t StreamWriter::next_seq() const {
  std::lock_guard lock(session_->mutex_);
  return outbox_->next_seq();
}

std::vector<std::uint64_t> StreamWriter::held_targets() const {
  std::lock_guard lock(session_->mutex_);
  const auto& held = outbox_->attachment().held_targets();
  return {held.begin(), held.end()};
}

void StreamWriter::Observe(Observation observation, ObserveCallback callback,
                           absl::Duration deadline) {
  const absl::Time until = absl::Now() + deadline;
  session_->Ask(*outbox_, [&](Calls* calls) {
    outbox_->Observe(std::move(observation), std::move(callback), until, calls);
  });
}

std::future<absl::StatusOr<Observed>> StreamWriter::Observe(Observation observation,
                                                            absl::Duration deadline) {
  auto [callback, future] = Promised<Observed>();
  Observe(std::move(observation), std::move(callback), deadline);
  return std::move(future);
}

absl::StatusOr<Observed> StreamWriter::Step(absl::Span<const float> x, absl::Duration deadline) {
  Observation step;
  step.body.mutable_floats()->Add(x.begin(), x.end());
  return Observe(std::move(step), deadline).get();
}

void StreamWriter::Other(v1::LearnPart body, AcknowledgeCallback callback,
                         absl::Duration deadline) {
  const absl::Time until = absl::Now() + deadline;
  session_->Ask(*outbox_, [&](Calls* calls) {
    outbox_->Other(std::move(body), std::move(callback), until, calls);
  });
}

std::future<absl::StatusOr<Acknowledged>> StreamWriter::Other(v1::LearnPart body,
                                                              absl::Duration deadline) {
  auto [callback, future] = Promised<Acknowledged>();
  Other(std::move(body), std::move(callback), deadline);
  return std::move(future);
}

void StreamWriter::LateTargets(v1::LateTargets targets, AcknowledgeCallback callback,
                               absl::Duration deadline) {
  v1::LearnPart body;
  *body.mutable_late_targets() = std::move(targets);
  Other(std::move(body), std::move(callback), deadline);
}

std::future<absl::StatusOr<Acknowledged>> StreamWriter::LateTargets(v1::LateTargets targets,
                                                                    absl::Duration deadline) {
  v1::LearnPart body;
  *body.mutable_late_targets() = std::move(targets);
  return Other(std::move(body), deadline);
}

std::future<absl::StatusOr<Acknowledged>> StreamWriter::Settle(absl::Duration deadline) {
  v1::LearnPart body;
  body.mutable_settle();
  return Other(std::move(body), deadline);
}

std::future<absl::StatusOr<Acknowledged>> StreamWriter::Reset(absl::Duration deadline) {
  v1::LearnPart body;
  body.mutable_reset();
  return Other(std::move(body), deadline);
}

}  // namespace millrace::client
