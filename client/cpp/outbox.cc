#include "client/cpp/outbox.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/slicing.h"
#include "client/cpp/status.h"

namespace millrace::client {
namespace {

// Ends the writer: nothing that this client could send later would fare better.
bool IsFatal(const absl::Status& status, const std::string& reason) {
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return true;
    default:
      return reason == "FENCED" || reason == "STALE_EPOCH" || reason == "NOT_ATTACHED" ||
             reason == "STREAM_CLOSED" || reason == "WRONG_SERVER";
  }
}

std::uint64_t LastTarget(const v1::LateTargets& targets) {
  std::uint64_t last = targets.no_target_through();
  for (const v1::TargetBlock& block : targets.blocks()) {
    last = std::max<std::uint64_t>(last, block.first_seq() + block.steps() - 1);
  }
  return last;
}

}  // namespace

Outbox::Outbox(std::string stream, const OutboxLimits& limits, std::uint64_t last_durable_seq,
               std::function<void(absl::Status)> on_attached)
    : stream_(std::move(stream)),
      limits_(limits),
      on_attached_(std::move(on_attached)),
      window_backoff_(absl::Milliseconds(5), absl::Seconds(1), std::hash<std::string>()(stream_)) {
  numbers_.durable_seq = last_durable_seq;
}

bool Outbox::Admit(std::int64_t bytes, Operation* operation, Calls* calls) {
  if (state_ == State::kFailed) {
    operation->Fail(failure_, calls);
    return false;
  }
  if (!queue_.empty() && queue_bytes_ + bytes > limits_.queue_bytes) {
    operation->Fail(Error(absl::StatusCode::kResourceExhausted, kQueueFull,
                          absl::StrCat("stream '", stream_, "' has ", queue_bytes_,
                                       " bytes queued; the session allows ", limits_.queue_bytes,
                                       " (queue_bytes); wait for replies before sending more")),
                    calls);
    return false;
  }
  return true;
}

void Outbox::Push(Entry entry) {
  queue_bytes_ += entry.bytes;
  queue_.push_back(std::move(entry));
}

void Outbox::Observe(Observation observation, ObserveCallback callback, absl::Time deadline,
                     Calls* calls) {
  auto operation =
      std::make_shared<ObserveOperation>(next_seq_, observation.steps, std::move(callback));
  if (absl::Status status = CheckObservation(observation, stream_); !status.ok()) {
    operation->Fail(status, calls);
    return;
  }
  observation.body.set_first_seq(next_seq_);
  Entry entry;
  entry.steps = observation.steps;
  entry.one_target_row = observation.one_target_row;
  *entry.part.mutable_observe() = std::move(observation.body);
  entry.bytes = static_cast<std::int64_t>(entry.part.ByteSizeLong());
  if (!Admit(entry.bytes, operation.get(), calls)) return;
  next_seq_ += entry.steps;
  entry.operation = std::move(operation);
  entry.deadline = deadline;
  Push(std::move(entry));
}

void Outbox::Other(v1::LearnPart body, AcknowledgeCallback callback, absl::Time deadline,
                   Calls* calls) {
  Entry entry;
  entry.bytes = static_cast<std::int64_t>(body.ByteSizeLong());
  entry.part = std::move(body);
  entry.operation = std::make_shared<AcknowledgeOperation>(std::move(callback));
  entry.deadline = deadline;
  if (!Admit(entry.bytes, entry.operation.get(), calls)) return;
  Push(std::move(entry));
}

void Outbox::Split(std::size_t index, std::uint32_t steps) {
  Entry rest = queue_[index];
  Observation whole;
  whole.steps = rest.steps;
  whole.one_target_row = rest.one_target_row;
  whole.body = std::move(*rest.part.mutable_observe());
  Entry& head = queue_[index];
  queue_bytes_ -= head.bytes;
  rest.steps = whole.steps - steps;
  *rest.part.mutable_observe() = Slice(whole, steps, rest.steps).body;
  rest.bytes = static_cast<std::int64_t>(rest.part.ByteSizeLong());
  head.steps = steps;
  *head.part.mutable_observe() = Slice(whole, 0, steps).body;
  head.bytes = static_cast<std::int64_t>(head.part.ByteSizeLong());
  queue_bytes_ += head.bytes + rest.bytes;
  if (head.operation) head.operation->Split();
  queue_.insert(queue_.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(rest));
}

// A quarter of the window a part, so that the next is on its way while one is being computed.
void Outbox::CutToWindow(std::size_t index) {
  const Entry& entry = queue_[index];
  const std::int64_t bytes = std::min<std::int64_t>(
      limits_.part_bytes, std::max<std::int64_t>(1, attachment_.window_bytes() / 4));
  const std::int64_t bytes_a_step = std::max<std::int64_t>(1, entry.bytes / entry.steps);
  const std::int64_t steps =
      std::min<std::int64_t>(attachment_.window_steps() / 4, bytes / bytes_a_step);
  const auto most = static_cast<std::uint32_t>(std::max<std::int64_t>(1, steps));
  if (entry.steps > most) Split(index, most);
}

bool Outbox::Fits(const Entry& entry) const {
  if (in_flight_ == 0) return true;
  if (entry.is_barrier() || queue_[in_flight_ - 1].is_barrier()) return false;
  return in_flight_steps_ + entry.steps <= attachment_.window_steps() &&
         in_flight_bytes_ + entry.bytes <= static_cast<std::int64_t>(attachment_.window_bytes());
}

std::optional<v1::LearnPart> Outbox::NextPart(absl::Time now) {
  if (state_ != State::kAttached || draining_ || now < resume_at_) return std::nullopt;
  if (going_back_ && in_flight_ > 0) return std::nullopt;
  going_back_ = false;
  const std::size_t index = in_flight_;
  if (index == queue_.size()) return std::nullopt;
  if (queue_[index].is_observe()) CutToWindow(index);
  Entry& entry = queue_[index];
  if (!Fits(entry)) return std::nullopt;
  entry.sent = true;
  entry.part.set_part_id(next_part_id_++);
  entry.part.set_stream(stream_);
  entry.part.set_epoch(numbers_.epoch);
  entry.part.set_writer_token(attachment_.writer_token());
  ++in_flight_;
  in_flight_steps_ += entry.steps;
  in_flight_bytes_ += entry.bytes;
  return entry.part;
}

void Outbox::Take(const v1::LearnPartReply& reply) {
  numbers_.applied_seq = std::max<std::uint64_t>(numbers_.applied_seq, reply.applied_seq());
  numbers_.learned_seq = std::max<std::uint64_t>(numbers_.learned_seq, reply.learned_seq());
  numbers_.durable_seq = std::max<std::uint64_t>(numbers_.durable_seq, reply.durable_seq());
}

void Outbox::OnReply(const v1::LearnPartReply& reply, absl::Time now, Calls* calls) {
  if (state_ != State::kAttached) return;
  Take(reply);
  ReleaseDurable();
  if (reply.part_id() == 0) return;
  const auto found = std::find_if(queue_.begin(), queue_.end(), [&](const Entry& entry) {
    return entry.sent && entry.part.part_id() == reply.part_id();
  });
  if (found == queue_.end()) return;
  Entry& entry = *found;
  const auto index = static_cast<std::size_t>(found - queue_.begin());
  --in_flight_;
  in_flight_steps_ -= entry.steps;
  in_flight_bytes_ -= entry.bytes;

  const absl::Status status = FromRpc(reply.status());
  const std::string reason = ReasonOf(status);
  const bool had = entry.part.has_late_targets() &&
                   (status.code() == absl::StatusCode::kAlreadyExists ||
                    (entry.in_doubt && reason == "NOT_OPEN" &&
                     LastTarget(entry.part.late_targets()) <= numbers_.learned_seq));
  if (status.ok() || had) {
    window_backoff_.Reset();
    Accept(index, reply, calls);
  } else if (IsFatal(status, reason)) {
    Fail(status, calls);
  } else if (!GoBack(&entry, status, now)) {
    Refuse(index, status, calls);
  }
}

void Outbox::Accept(std::size_t index, const v1::LearnPartReply& reply, Calls* calls) {
  Entry entry = std::move(queue_[index]);
  queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(index));
  queue_bytes_ -= entry.bytes;
  if (entry.operation) entry.operation->Answer(reply, numbers_, calls);
  Retain(std::move(entry));
}

// Steps are kept until they are durable; late targets until a step that follows them is. A settle
// or a reset is not: sent once more after its reply came it would happen twice.
void Outbox::Retain(Entry entry) {
  if (entry.is_barrier() || entry.orphaned) return;
  entry.operation.reset();
  entry.sent = false;
  entry.in_doubt = true;
  retained_bytes_ += entry.bytes;
  retained_.push_back(std::move(entry));
  ReleaseDurable();
  while (retained_bytes_ > limits_.retained_bytes) {
    retained_bytes_ -= retained_.front().bytes;
    retained_.pop_front();
  }
}

void Outbox::ReleaseDurable() {
  std::size_t release = 0;
  for (std::size_t i = 0; i < retained_.size(); ++i) {
    if (!retained_[i].is_observe()) continue;
    if (retained_[i].last_seq() > numbers_.durable_seq) break;
    release = i + 1;
  }
  for (; release > 0; --release) {
    retained_bytes_ -= retained_.front().bytes;
    retained_.pop_front();
  }
}

bool Outbox::GoBack(Entry* entry, const absl::Status& status, absl::Time now) {
  const std::string reason = ReasonOf(status);
  const bool window = reason == "WINDOW";
  const bool unavailable = IsTransient(status);
  const bool follows =
      going_back_ && !entry->orphaned && status.code() == absl::StatusCode::kOutOfRange;
  if (!window && !unavailable && !follows) return false;
  if (window) resume_at_ = now + window_backoff_.Next();
  draining_ |= unavailable;
  going_back_ = true;
  entry->sent = false;
  return true;
}

void Outbox::Refuse(std::size_t index, const absl::Status& status, Calls* calls) {
  Entry entry = std::move(queue_[index]);
  queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(index));
  queue_bytes_ -= entry.bytes;
  if (entry.orphaned) {
    if (entry.operation) {
      entry.operation->Fail(
          Error(absl::StatusCode::kAborted, kPredecessorRefused,
                absl::StrCat("a step of stream '", stream_, "' before this part was refused")),
          calls);
    }
    return;
  }
  if (entry.operation) entry.operation->Fail(status, calls);
  if (!entry.is_observe()) return;
  next_seq_ = entry.first_seq();
  for (std::size_t i = index; i < queue_.size(); ++i) queue_[i].orphaned |= queue_[i].sent;
  Withdraw(index, status, calls);
}

void Outbox::Withdraw(std::size_t index, const absl::Status& cause, Calls* calls) {
  std::deque<Entry> kept;
  for (std::size_t i = 0; i < queue_.size(); ++i) {
    Entry& entry = queue_[i];
    if (i < index || entry.sent) {
      kept.push_back(std::move(entry));
      continue;
    }
    queue_bytes_ -= entry.bytes;
    if (!entry.operation) continue;
    entry.operation->Fail(Error(absl::StatusCode::kAborted, kPredecessorRefused,
                                absl::StrCat("not sent: a part of stream '", stream_,
                                             "' before it failed (", cause.message(), ")")),
                          calls);
  }
  queue_ = std::move(kept);
}

void Outbox::Expire(absl::Time now, Calls* calls) {
  for (std::size_t i = 0; i < queue_.size(); ++i) {
    Entry& entry = queue_[i];
    if (now < entry.deadline || !entry.operation || entry.operation->finished()) continue;
    const bool withdrawn = !entry.sent && !entry.in_doubt;
    const absl::Status status =
        Error(absl::StatusCode::kDeadlineExceeded, withdrawn ? kNotSent : kInDoubt,
              absl::StrCat("stream '", stream_, "' did not answer in time; the part was ",
                           withdrawn ? "not sent" : "sent and may have been applied"));
    entry.operation->Fail(status, calls);
    if (!withdrawn) continue;
    if (entry.is_observe()) {
      next_seq_ = entry.first_seq();
      Withdraw(i, status, calls);
      return;
    }
    queue_bytes_ -= entry.bytes;
    queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(i--));
  }
}

void Outbox::Fail(const absl::Status& status, Calls* calls) {
  if (state_ == State::kFailed) return;
  state_ = State::kFailed;
  failure_ = status;
  for (Entry& entry : queue_) {
    if (entry.operation) entry.operation->Fail(status, calls);
  }
  queue_.clear();
  retained_.clear();
  queue_bytes_ = retained_bytes_ = 0;
  in_flight_ = 0;
  if (on_attached_) {
    calls->push_back([call = std::move(on_attached_), status] { call(status); });
    on_attached_ = nullptr;
  }
}

}  // namespace millrace::client
