// Losing the call and finding the place again.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/outbox.h"
#include "client/cpp/slicing.h"
#include "client/cpp/status.h"

namespace millrace::client {

v1::LearnPart Outbox::AttachPart() {
  state_ = State::kAttaching;
  v1::LearnPart part;
  part.set_part_id(next_part_id_++);
  part.set_stream(stream_);
  // What was durable is said of this epoch only: a rollback since then is no loss.
  if (was_attached_) part.set_epoch(numbers_.epoch);
  part.mutable_attach()->set_last_durable_seq(numbers_.durable_seq);
  return part;
}

void Outbox::OnBroken(Calls* calls) {
  if (state_ == State::kFailed) return;
  state_ = State::kDetached;
  in_flight_ = 0;
  in_flight_steps_ = 0;
  in_flight_bytes_ = 0;
  going_back_ = false;
  draining_ = false;
  resume_at_ = absl::InfinitePast();
  std::deque<Entry> kept;
  for (Entry& entry : queue_) {
    if (entry.orphaned) {
      queue_bytes_ -= entry.bytes;
      if (!entry.operation) continue;
      entry.operation->Fail(
          Error(absl::StatusCode::kAborted, kPredecessorRefused,
                absl::StrCat("a step of stream '", stream_, "' before this part was refused")),
          calls);
      continue;
    }
    entry.in_doubt |= entry.sent;
    entry.sent = false;
    kept.push_back(std::move(entry));
  }
  queue_ = std::move(kept);
}

absl::Status Outbox::CheckAttach(const v1::LearnPartReply& reply) const {
  if (!was_attached_) return absl::OkStatus();
  if (reply.epoch() != numbers_.epoch) {
    return Error(absl::StatusCode::kFailedPrecondition, "STALE_EPOCH",
                 absl::StrCat("stream '", stream_, "' is at epoch ", reply.epoch(),
                              "; this writer attached at epoch ", numbers_.epoch,
                              "; look where it stands and attach anew"));
  }
  if (reply.applied_seq() >= next_seq_) {
    return Error(absl::StatusCode::kFailedPrecondition, "FENCED",
                 absl::StrCat("stream '", stream_, "' stands at step ", reply.applied_seq(),
                              "; this writer has written to step ", next_seq_ - 1,
                              ": another one wrote while the call was down"));
  }
  return absl::OkStatus();
}

void Outbox::OnAttachReply(const v1::LearnPartReply& reply, Calls* calls) {
  if (state_ != State::kAttaching) return;
  absl::Status status = FromRpc(reply.status());
  if (IsTransient(status)) {
    draining_ = true;
    return;
  }
  if (status.ok()) status = CheckAttach(reply);
  if (!status.ok()) {
    Fail(status, calls);
    return;
  }
  const std::uint64_t answered = numbers_.applied_seq;
  state_ = State::kAttached;
  attachment_ = reply.attach();
  numbers_.epoch = reply.epoch();
  numbers_.applied_seq = reply.applied_seq();
  numbers_.learned_seq = reply.learned_seq();
  numbers_.durable_seq = std::max<std::uint64_t>(numbers_.durable_seq, reply.durable_seq());
  if (was_attached_) {
    Reconcile(calls);
    if (absl::Status gap = CheckContinuity(); !gap.ok()) {
      Fail(Error(absl::StatusCode::kDataLoss, kCannotResend,
                 absl::StrCat(gap.message(), "; replies had come up to step ", answered)),
           calls);
      return;
    }
  } else {
    next_seq_ = reply.applied_seq() + 1;
  }
  was_attached_ = true;
  if (on_attached_) {
    calls->push_back([call = std::move(on_attached_)] { call(absl::OkStatus()); });
    on_attached_ = nullptr;
  }
}

// Whether the stream's numbers say that all of this was taken.
bool Outbox::Holds(const v1::LateTargets& targets) const {
  if (targets.no_target_through() > numbers_.learned_seq) return false;
  const auto& held = attachment_.held_targets();
  for (const v1::TargetBlock& block : targets.blocks()) {
    for (std::uint64_t seq = block.first_seq(); seq < block.first_seq() + block.steps(); ++seq) {
      if (seq > numbers_.learned_seq && !std::binary_search(held.begin(), held.end(), seq)) {
        return false;
      }
    }
  }
  return true;
}

// Goes through everything that is kept, in order, with the stream's own applied_seq in hand.
void Outbox::Reconcile(Calls* calls) {
  std::deque<Entry> all = std::move(retained_);
  for (Entry& entry : queue_) all.push_back(std::move(entry));
  retained_.clear();
  queue_.clear();
  queue_bytes_ = retained_bytes_ = 0;

  std::deque<Entry> kept;
  for (Entry& entry : all) {
    entry.sent = false;
    if (entry.is_observe()) {
      ReconcileObserve(std::move(entry), &kept, calls);
    } else if (entry.part.has_late_targets() && Holds(entry.part.late_targets())) {
      if (entry.operation) entry.operation->AnswerLost(0, numbers_, calls);
    } else {
      kept.push_back(std::move(entry));
    }
  }
  for (Entry& entry : kept) Push(std::move(entry));
}

void Outbox::ReconcileObserve(Entry entry, std::deque<Entry>* kept, Calls* calls) {
  const std::uint64_t applied = numbers_.applied_seq;
  if (entry.first_seq() > applied) {
    entry.in_doubt = false;
    kept->push_back(std::move(entry));
    return;
  }
  const auto done = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(entry.steps, applied - entry.first_seq() + 1));
  if (done < entry.steps) {
    Observation whole;
    whole.steps = entry.steps;
    whole.one_target_row = entry.one_target_row;
    whole.body = entry.part.observe();
    Entry rest = entry;
    rest.steps -= done;
    rest.in_doubt = false;
    *rest.part.mutable_observe() = Slice(whole, done, rest.steps).body;
    rest.bytes = static_cast<std::int64_t>(rest.part.ByteSizeLong());
    if (entry.operation) entry.operation->Split();
    kept->push_back(std::move(rest));
    *entry.part.mutable_observe() = Slice(whole, 0, done).body;
    entry.bytes = static_cast<std::int64_t>(entry.part.ByteSizeLong());
    entry.steps = done;
  }
  if (entry.operation) entry.operation->AnswerLost(done, numbers_, calls);
  Retain(std::move(entry));
}

// The first step to be sent is the one after the last applied.
absl::Status Outbox::CheckContinuity() const {
  std::uint64_t first = next_seq_;
  for (const Entry& entry : queue_) {
    if (!entry.is_observe()) continue;
    first = entry.first_seq();
    break;
  }
  if (first == numbers_.applied_seq + 1) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("stream '", stream_, "' was recovered at step ",
                                          numbers_.applied_seq,
                                          "; the client still holds steps from ", first));
}

}  // namespace millrace::client
