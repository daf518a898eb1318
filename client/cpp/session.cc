#include "client/cpp/session.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cpp/status.h"
#include "client/cpp/stream_writer.h"

namespace millrace::client {
namespace {

// How finely deadlines and backoffs are kept while something is queued.
constexpr std::chrono::milliseconds kTick(20);
// A message that always fits into what a call may send unasked.
constexpr std::int64_t kSmallBytes = 16 << 10;
// How long a draining server may take to answer what it has.
constexpr absl::Duration kDrain = absl::Seconds(10);

// Would fail the same way however often it is tried.
bool IsHopeless(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

void Make(const Calls& calls) {
  for (const auto& call : calls) call();
}

}  // namespace

std::shared_ptr<Session> Session::Start(std::shared_ptr<grpc::Channel> channel,
                                        const SessionOptions& options) {
  auto session = std::shared_ptr<Session>(new Session(std::move(channel), options));
  session->pump_ = std::thread([self = session.get()] { self->Pump(); });
  return session;
}

Session::Session(std::shared_ptr<grpc::Channel> channel, const SessionOptions& options)
    : options_(options),
      channel_(std::move(channel)),
      stub_(v1::Learning::NewStub(channel_)),
      backoff_(options.first_backoff, options.most_backoff,
               static_cast<std::uint64_t>(absl::GetCurrentTimeNanos())) {}

Session::~Session() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  pump_.join();
}

int Session::calls_opened() const {
  std::lock_guard lock(mutex_);
  return calls_opened_;
}

absl::StatusOr<std::unique_ptr<StreamWriter>> Session::Attach(const std::string& stream,
                                                              absl::Duration deadline,
                                                              std::uint64_t last_durable_seq) {
  auto attached = std::make_shared<std::promise<absl::Status>>();
  auto outbox = std::make_shared<Outbox>(
      stream, options_.limits, last_durable_seq,
      [attached](const absl::Status& status) { attached->set_value(status); });
  {
    std::lock_guard lock(mutex_);
    if (!outboxes_.emplace(stream, outbox).second) {
      return Error(
          absl::StatusCode::kFailedPrecondition, "ATTACHED_HERE",
          absl::StrCat("stream '", stream, "' has a writer in this session; close that one first"));
    }
    changed_ = true;
  }
  wake_.notify_all();
  std::future<absl::Status> result = attached->get_future();
  absl::Status status;
  if (result.wait_for(absl::ToChronoMilliseconds(deadline)) == std::future_status::ready) {
    status = result.get();
  } else {
    std::lock_guard lock(mutex_);
    status = absl::DeadlineExceededError(absl::StrCat(
        "no answer to attaching stream '", stream, "' within ", absl::FormatDuration(deadline),
        last_end_.ok() ? std::string() : absl::StrCat(" (", last_end_.message(), ")"),
        "; is the server running?"));
  }
  if (!status.ok()) {
    Remove(stream);
    return status;
  }
  return std::unique_ptr<StreamWriter>(new StreamWriter(shared_from_this(), std::move(outbox)));
}

void Session::WakePump() {
  changed_ = true;
  wake_.notify_all();
}

void Session::Change(const std::function<void(Calls*)>& change) {
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    change(&calls);
    WakePump();
  }
  Make(calls);
}

void Session::Ask(const Outbox& outbox, const std::function<void(Calls*)>& change) {
  Calls calls;
  {
    std::unique_lock lock(mutex_);
    change(&calls);
    asked_ = true;
    const bool written = WritesHere(outbox) && WriteOnce(lock);
    // The pump sends what is left, and sees to deadlines.
    if (!written || !ticks_) WakePump();
  }
  Make(calls);
}

bool Session::WritesHere(const Outbox& outbox) const {
  return call_ && !call_ended_ && !stopping_ && !writing_ && unanswered_ <= 0 &&
         outbox.queue_bytes() <= kSmallBytes;
}

void Session::Remove(const std::string& stream) {
  Change([&](Calls* calls) {
    const auto found = outboxes_.find(stream);
    if (found == outboxes_.end()) return;
    found->second->Fail(
        absl::CancelledError(absl::StrCat("stream '", stream, "' was detached by this client")),
        calls);
    outboxes_.erase(found);
  });
}

void Session::OnReply(const v1::LearnReply& reply) {
  Calls calls;
  {
    std::lock_guard lock(mutex_);
    const absl::Time now = absl::Now();
    bool more = false;
    for (const v1::LearnPartReply& part : reply.parts()) {
      if (part.part_id() != 0) --unanswered_;
      const auto found = outboxes_.find(part.stream());
      if (found == outboxes_.end()) continue;
      Outbox& outbox = *found->second;
      outbox.OnAttachReply(part, &calls);
      outbox.OnReply(part, now, &calls);
      if (!outbox.draining()) backoff_.Reset();
      drains_ |= outbox.draining();
      more |= outbox.unsent() || outbox.failed();
    }
    // Where nothing is left to send the pump has nothing to do.
    if (more || drains_) WakePump();
  }
  Make(calls);
}

void Session::OnEnd() {
  std::lock_guard lock(mutex_);
  call_ended_ = true;
  wake_.notify_all();
}

bool Session::CallWanted() const {
  return std::any_of(outboxes_.begin(), outboxes_.end(),
                     [](const auto& named) { return !named.second->failed(); });
}

void Session::OpenCall(std::unique_lock<std::mutex>& lock) {
  call_ended_ = false;
  drains_ = false;
  unanswered_ = 0;
  drain_until_ = absl::InfiniteFuture();
  ++calls_opened_;
  lock.unlock();
  // Blocks while the connection is being made.
  auto call = std::make_unique<LearnCall>(
      stub_.get(), [this](const v1::LearnReply& reply) { OnReply(reply); }, [this] { OnEnd(); });
  lock.lock();
  call_ = std::move(call);
}

void Session::GatherParts(v1::LearnRequest* request) {
  const absl::Time now = absl::Now();
  std::int64_t bytes = 0;
  // Round robin: the first served changes, so that one bulk stream does not starve the rest.
  auto turn = outboxes_.upper_bound(serve_first_);
  for (std::size_t i = 0; i < outboxes_.size() && bytes < options_.message_bytes; ++i, ++turn) {
    if (turn == outboxes_.end()) turn = outboxes_.begin();
    Outbox& outbox = *turn->second;
    serve_first_ = turn->first;
    if (outbox.wants_attach()) *request->add_parts() = outbox.AttachPart();
    while (bytes < options_.message_bytes) {
      std::optional<v1::LearnPart> part = outbox.NextPart(now);
      if (!part) break;
      bytes += static_cast<std::int64_t>(part->ByteSizeLong());
      *request->add_parts() = *std::move(part);
    }
  }
}

bool Session::WriteOnce(std::unique_lock<std::mutex>& lock) {
  v1::LearnRequest request;
  GatherParts(&request);
  if (request.parts().empty()) return false;
  unanswered_ += request.parts_size();
  writing_ = true;
  lock.unlock();
  // A broken call is noticed by the reader.
  call_->Write(request);
  lock.lock();
  writing_ = false;
  if (std::exchange(writer_awaited_, false)) WakePump();
  return true;
}

void Session::AwaitWriter(std::unique_lock<std::mutex>& lock) {
  while (writing_) {
    writer_awaited_ = true;
    wake_.wait(lock, [this] { return !writing_; });
  }
}

bool Session::Drained() const {
  bool draining = false;
  bool in_flight = false;
  for (const auto& [name, outbox] : outboxes_) {
    draining |= outbox->draining();
    in_flight |= outbox->in_flight();
  }
  return draining && (!in_flight || absl::Now() >= drain_until_);
}

void Session::CloseCall(std::unique_lock<std::mutex>& lock) {
  call_->Cancel();
  AwaitWriter(lock);
  std::unique_ptr<LearnCall> call = std::move(call_);
  lock.unlock();
  absl::Status status = FromGrpc(call->Close());
  lock.lock();
  if (status.ok()) status = absl::UnavailableError("the server ended the call");
  last_end_ = status;
  reopen_at_ = absl::Now() + backoff_.Next();
  Calls calls;
  for (auto& [name, outbox] : outboxes_) {
    if (IsHopeless(status)) {
      outbox->Fail(status, &calls);
    } else {
      outbox->OnBroken(&calls);
    }
  }
  lock.unlock();
  Make(calls);
  lock.lock();
}

// Lets the server see an orderly end; one that does not answer is cut off.
void Session::EndGracefully(std::unique_lock<std::mutex>& lock) {
  if (!call_) return;
  AwaitWriter(lock);
  lock.unlock();
  call_->WritesDone();
  lock.lock();
  wake_.wait_for(lock, std::chrono::milliseconds(500), [this] { return call_ended_; });
  std::unique_ptr<LearnCall> call = std::move(call_);
  lock.unlock();
  call->Cancel();
  call->Close();
  lock.lock();
}

void Session::Pump() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_ = false;
    if (call_ && (call_ended_ || Drained())) {
      CloseCall(lock);
    } else if (!call_ && CallWanted() && absl::Now() >= reopen_at_) {
      OpenCall(lock);
    }
    if (call_ && !call_ended_) {
      AwaitWriter(lock);
      if (WriteOnce(lock)) continue;
    }

    Calls calls;
    bool queued = false;
    for (auto& [name, outbox] : outboxes_) {
      outbox->Expire(absl::Now(), &calls);
      queued |= !outbox->idle() || outbox->wants_attach() || outbox->draining();
      if (outbox->draining()) drain_until_ = std::min(drain_until_, absl::Now() + kDrain);
    }
    lock.unlock();
    Make(calls);
    lock.lock();
    const auto due = [this] { return stopping_ || changed_ || (call_ && call_ended_); };
    // Who asks often need not wake it.
    ticks_ = queued || std::exchange(asked_, false);
    if (ticks_) {
      wake_.wait_for(lock, kTick, due);
    } else {
      wake_.wait(lock, due);
    }
  }
  EndGracefully(lock);
  Calls calls;
  for (auto& [name, outbox] : outboxes_) {
    outbox->Fail(absl::CancelledError("the session was ended by this client"), &calls);
  }
  lock.unlock();
  Make(calls);
}

}  // namespace millrace::client
