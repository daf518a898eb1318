#include "server/services/learn_reactor.h"

#include <chrono>
#include <utility>
#include <vector>

#include "engine/check.h"
#include "server/services/status_map.h"

namespace millrace::server {
namespace {

constexpr std::chrono::milliseconds kWriteStalls(50);
// A message that gRPC has taken from the network already comes within two.
constexpr std::chrono::microseconds kAtOnce(5);
constexpr std::chrono::microseconds kLongestHold(500);

}  // namespace

LearnReactor* LearnReactor::Start(const Site& site, std::string principal,
                                  grpc::CallbackServerContext* context) {
  const std::shared_ptr<LearnReactor> call(
      new LearnReactor(site, std::move(principal), context->c_call()));
  call->self_ = call;
  call->Begin();
  return call.get();
}

LearnReactor::LearnReactor(const Site& site, std::string principal, grpc_call* call)
    : site_(site), principal_(std::move(principal)), call_(call) {}

void LearnReactor::Begin() {
  absl::Status status = site_.authorizer->Authorize(principal_, Verb::kObserve, {});
  if (status.ok()) {
    status = site_.gate->Enter(CallKind::kLearn, self_);
    entered_ = status.ok();
  }
  if (entered_) site_.metrics->learn_calls_open().Increment();
  const std::lock_guard<std::mutex> lock(mutex_);
  if (entered_) {
    Advance();
  } else {
    FinishWith(status);
  }
}

void LearnReactor::OnReadDone(bool ok) {
  v1::LearnRequest request;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!ok && phase_ == Phase::kOpen) phase_ = Phase::kHalfClosed;
    if (!ok || phase_ != Phase::kOpen) {
      reading_ = false;
      Advance();
      return;
    }
    request.Swap(&request_);
    NoteArrival(request.parts_size() > 1);
  }
  TakeParts(&request);
  site_.runtime->Begin();
  // Only now: the next message may come on another thread, and must not overtake this one.
  const std::lock_guard<std::mutex> lock(mutex_);
  reading_ = taking_ = false;
  if (client_ahead_ && !outbox_.empty() && !std::exchange(holding_, true)) {
    held_since_ = Clock::now();
  }
  Advance();
}

void LearnReactor::NoteArrival(bool several_parts) {
  // To look costs two microseconds: for a client that waits for its replies the clock will do.
  if (!client_ahead_) waited_ = Clock::now() - read_begun_ > kAtOnce;
  // A client that was ahead is so again, most likely, with a message that had to be waited for.
  client_ahead_ = !waited_ || burst_ > 1;
  burst_ = waited_ ? 1 : burst_ + 1;
  taking_ = true;
  gathering_ = client_ahead_ || several_parts;
}

void LearnReactor::TakeParts(v1::LearnRequest* request) {
  std::vector<std::int64_t> sizes;
  sizes.reserve(static_cast<std::size_t>(request->parts_size()));
  std::int64_t total = 0;
  for (const v1::LearnPart& part : request->parts()) {
    sizes.push_back(static_cast<std::int64_t>(part.ByteSizeLong()));
    total += sizes.back();
  }
  {
    // All at once, so that no reply can finish the call between two parts of its message.
    const std::lock_guard<std::mutex> lock(mutex_);
    unanswered_parts_ += request->parts_size();
    held_bytes_ += total;
  }
  for (int i = 0; i < request->parts_size(); ++i) {
    v1::LearnPart& part = *request->mutable_parts(i);
    const std::int64_t bytes = sizes[static_cast<std::size_t>(i)];
    const absl::Status status = i < site_.learn.most_parts
                                    ? AuthorizePart(*site_.authorizer, principal_, part)
                                    : TooManyParts(site_.learn.most_parts);
    if (status.ok()) {
      Submit(std::move(part), bytes);
    } else {
      Answered(bytes, RefusedPart(site_, part, status), /*more=*/false);
    }
  }
}

void LearnReactor::Submit(v1::LearnPart part, std::int64_t bytes) {
  PartTask task;
  task.part = std::move(part);
  task.principal = principal_;
  task.wanted = [call = self_] { return !call->cancelled_.load(std::memory_order_relaxed); };
  task.call = this;
  task.done = [call = self_, bytes](v1::LearnPartReply reply, bool more) {
    // Before the client can know its token, and with it make durable_seq move.
    if (reply.has_attach() && !reply.has_status()) {
      call->Follow(reply.stream(), reply.attach().writer_token());
    }
    call->Answered(bytes, std::move(reply), more);
  };
  site_.runtime->Queue(std::move(task));
}

void LearnReactor::Answered(std::int64_t request_bytes, v1::LearnPartReply reply, bool more) {
  const auto bytes = static_cast<std::int64_t>(reply.ByteSizeLong());
  const std::lock_guard<std::mutex> lock(mutex_);
  --unanswered_parts_;
  held_bytes_ -= request_bytes;
  if (phase_ == Phase::kCancelled || phase_ == Phase::kFinished) return;
  if (const auto note = notes_.find(reply.stream());
      note != notes_.end() && note->second.durable_seq <= reply.durable_seq()) {
    notes_.erase(note);
  }
  held_bytes_ += bytes;
  outbox_bytes_ += bytes;
  outbox_.push_back({std::move(reply), bytes});
  if (!more) Advance();
}

void LearnReactor::Follow(const std::string& stream, std::uint64_t writer_token) {
  std::uint64_t former = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (phase_ == Phase::kFinished) return;
    std::uint64_t& current = writer_tokens_[stream];
    former = std::exchange(current, writer_token);
  }
  if (former != 0) site_.runtime->StopListening(former);
  const std::weak_ptr<LearnReactor> weak = weak_from_this();
  site_.runtime->Listen(writer_token, [weak](const std::string& name, std::uint64_t epoch,
                                             std::uint64_t durable_seq) {
    if (const auto call = weak.lock()) call->NoteDurable(name, epoch, durable_seq);
  });
  // OnDone may have been here in between and have found nothing to stop.
  bool finished = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    finished = phase_ == Phase::kFinished;
  }
  if (finished) site_.runtime->StopListening(writer_token);
}

void LearnReactor::NoteDurable(const std::string& stream, std::uint64_t epoch,
                               std::uint64_t durable_seq) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (phase_ == Phase::kCancelled || phase_ == Phase::kFinished) return;
  notes_[stream] = {epoch, durable_seq};
  Advance();
}

void LearnReactor::OnWriteDone(bool ok) {
  const std::lock_guard<std::mutex> lock(mutex_);
  writing_ = false;
  write_stalls_ = false;
  held_bytes_ -= std::exchange(writing_bytes_, 0);
  if (!ok && phase_ != Phase::kFinished) {
    phase_ = Phase::kCancelled;
    cancelled_ = true;
  }
  Advance();
}

void LearnReactor::OnCancel() {
  const std::lock_guard<std::mutex> lock(mutex_);
  cancelled_ = true;
  if (phase_ == Phase::kFinished) return;
  phase_ = Phase::kCancelled;
  outbox_.clear();
  outbox_bytes_ = 0;
  notes_.clear();
  Advance();
}

void LearnReactor::DrainCall() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (phase_ == Phase::kOpen) phase_ = Phase::kDraining;
  Advance();
}

bool LearnReactor::Pending() const {
  return unanswered_parts_ > 0 || !outbox_.empty() || !notes_.empty() || writing_;
}

void LearnReactor::Advance() {
  switch (phase_) {
    case Phase::kOpen:
      if (!WriteWaits()) WriteNext();
      if (!reading_ && held_bytes_ < site_.learn.budget_bytes && !ReadWaits()) {
        reading_ = true;
        waited_ = false;
        ++reads_;
        read_begun_ = Clock::now();
        request_.Clear();
        StartRead(&request_);
        if (client_ahead_) Look();
      }
      if (holding_ && !reading_) {
        holding_ = false;
        WriteNext();
      }
      return;
    case Phase::kHalfClosed:
    case Phase::kDraining:
      WriteNext();
      if (Pending()) return;
      FinishWith(phase_ == Phase::kDraining ? DrainingServer() : absl::OkStatus());
      return;
    case Phase::kCancelled:
      if (!writing_) FinishWith(absl::CancelledError("the call was cancelled"));
      return;
    case Phase::kFinished:
      return;
  }
}

bool LearnReactor::ReadWaits() {
  if (!writing_ || write_stalls_ || unanswered_parts_ > 0 || !outbox_.empty()) return false;
  if (!std::exchange(watched_, true)) {
    // Weak: the alarm keeps what it calls until it is set again.
    alarm_.Set(std::chrono::system_clock::now() + kWriteStalls,
               [weak = weak_from_this(), write = writes_](bool /*fired*/) {
                 if (const auto call = weak.lock()) call->LookAtWrite(write);
               });
  }
  return true;
}

void LearnReactor::LookAtWrite(std::uint64_t write) {
  const std::lock_guard<std::mutex> lock(mutex_);
  watched_ = false;
  // One alarm watches over all the writes of its time: a later write gets an alarm of its own.
  write_stalls_ = writing_ && write == writes_;
  Advance();
}

bool LearnReactor::WriteWaits() const { return holding_ || (taking_ && gathering_); }

void LearnReactor::Look() {
  if (std::exchange(looking_, true)) return;
  looked_for_ = reads_;
  behind_.call = self_;
  // An operation of nothing: done at once, and told behind what gRPC has ready for this thread.
  const grpc_call_error error = grpc_call_start_batch(call_, nullptr, 0, &behind_, nullptr);
  MILLRACE_CHECK(error == GRPC_CALL_OK);
}

LearnReactor::Behind::Behind() : grpc_completion_queue_functor() {
  functor_run = [](grpc_completion_queue_functor* behind, int /*ok*/) {
    const std::shared_ptr<LearnReactor> call = std::move(static_cast<Behind*>(behind)->call);
    call->Looked();
  };
}

void LearnReactor::Looked() {
  const std::lock_guard<std::mutex> lock(mutex_);
  looking_ = false;
  if (phase_ != Phase::kOpen) return;
  const bool comes = reading_ && !taking_;
  waited_ = comes && looked_for_ == reads_;
  const bool full = outbox_bytes_ >= site_.learn.merge_bytes;
  if (holding_ && (waited_ || full || Clock::now() - held_since_ > kLongestHold)) {
    holding_ = false;
    Advance();
  }
  if (comes && !waited_) Look();
}

void LearnReactor::WriteNext() {
  if (writing_ || (outbox_.empty() && notes_.empty())) return;
  reply_.Clear();
  writing_bytes_ = 0;
  while (!outbox_.empty()) {
    Outgoing& next = outbox_.front();
    if (writing_bytes_ > 0 && writing_bytes_ + next.bytes > site_.learn.merge_bytes) break;
    writing_bytes_ += next.bytes;
    outbox_bytes_ -= next.bytes;
    reply_.add_parts()->Swap(&next.reply);
    outbox_.pop_front();
  }
  if (outbox_.empty()) {
    for (const auto& [stream, note] : notes_) {
      v1::LearnPartReply& reply = *reply_.add_parts();
      reply.set_stream(stream);
      reply.set_epoch(note.epoch);
      reply.set_durable_seq(note.durable_seq);
    }
    notes_.clear();
  }
  writing_ = true;
  ++writes_;
  StartWrite(&reply_);
}

void LearnReactor::FinishWith(const absl::Status& status) {
  phase_ = Phase::kFinished;
  const grpc::Status answer = ToGrpcStatus(status);
  code_ = answer.error_code();
  Finish(answer);
}

void LearnReactor::OnDone() {
  std::map<std::string, std::uint64_t> tokens;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    tokens.swap(writer_tokens_);
  }
  alarm_.Cancel();
  for (const auto& [stream, token] : tokens) site_.runtime->StopListening(token);
  site_.metrics->RpcDone("Learning/Learn", code_);
  if (entered_) {
    site_.metrics->learn_calls_open().Decrement();
    site_.gate->Leave(CallKind::kLearn, this);
  }
  // Parts that the runtime still holds keep the call alive until they are answered.
  const std::shared_ptr<LearnReactor> last = std::move(self_);
}

}  // namespace millrace::server
