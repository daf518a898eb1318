// Parts of the data plane in their turn: who may write, what is journalled, what is answered.

#include <algorithm>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "server/convert/results.h"
#include "server/runtime/faults.h"
#include "server/runtime/tokens.h"
#include "server/runtime/turn.h"

namespace millrace::server {
namespace {

using store::v1::JournalRecord;

absl::Status Unanswerable(const Entry& entry) {
  return engine::Error(absl::StatusCode::kInvalidArgument, kBadPart,
                       absl::StrCat("a part of stream '", entry.id,
                                    "' has no body; send attach, "
                                    "observe, late_targets, settle or reset"));
}

// Taken from the size of the model alone: a step goes over most of the stream's state, at some 64
// bytes a nanosecond.
std::uint64_t StepNs(const engine::Model& model) {
  return 500 + static_cast<std::uint64_t>(model.sizes().stream_bytes) / 64;
}

// Around the steps: check, answer.
constexpr std::uint64_t kPartNs = 1'000;

}  // namespace

// About half a millisecond of work.
std::uint64_t PieceSteps(const engine::Model& model) {
  return std::max<std::uint64_t>(16, 500'000 / StepNs(model));
}

// Up to a tenth of a millisecond: of several streams that send longer work, one would keep the
// others from being read. Where one alone sends, what would be read is its own, and the change of
// thread, three for a message of 64 steps, is saved up to half a millisecond.
// Late targets and settling may learn from any number of steps.
bool IsShort(const engine::Model& model, const PartWork& part, bool alone) {
  constexpr std::uint64_t kShortNs = 100'000;
  const v1::LearnPart::BodyCase body = part.task.part.body_case();
  return body != v1::LearnPart::kLateTargets && body != v1::LearnPart::kSettle &&
         part.steps <= (alone ? PieceSteps(model) : kShortNs / StepNs(model));
}

std::uint64_t ShortNs(const Turn& turn) {
  const auto* part = std::get_if<PartWork>(&turn.work);
  if (part == nullptr) return 0;
  const std::uint64_t steps = turn.ahead.has_value() || !turn.status.ok() ? 0 : part->steps;
  const engine::Model& model = *turn.entry->model;
  return IsShort(model, *part, /*alone=*/false) ? kPartNs + steps * StepNs(model) : 0;
}

std::uint64_t PartNs(const engine::Model& model, const PartWork& part) {
  return kPartNs + part.steps * StepNs(model);
}

absl::Status Turns::CheckWriter(const Entry& entry, const v1::LearnPart& part) const {
  const std::lock_guard lock(entry.face_mutex);
  const Entry::Face& face = entry.face;
  if (part.epoch() != 0 && part.epoch() != face.epoch) {
    return engine::Error(absl::StatusCode::kFailedPrecondition, kStaleEpoch,
                         absl::StrCat("the part is of epoch ", part.epoch(), "; stream '", entry.id,
                                      "' is in epoch ", face.epoch, "; attach again"),
                         {{"epoch", absl::StrCat(face.epoch)}});
  }
  if (face.writer_token != 0 && part.writer_token() != 0 &&
      part.writer_token() != face.writer_token) {
    return engine::Error(
        absl::StatusCode::kFailedPrecondition, kFenced,
        absl::StrCat("stream '", entry.id, "' has a newer writer; attach again to write"));
  }
  if (face.writer_token == 0 || part.writer_token() == 0 || part.epoch() == 0) {
    return engine::Error(absl::StatusCode::kFailedPrecondition, kNotAttached,
                         absl::StrCat("the part's writer is not attached to stream '", entry.id,
                                      "'; attach, and send epoch and writer_token"));
  }
  return absl::OkStatus();
}

absl::Status Turns::CheckHeadroom() const {
  if (store_->headroom().Admits()) return absl::OkStatus();
  return engine::Error(
      absl::StatusCode::kResourceExhausted, kDisk,
      absl::StrCat("the store's file system has ", store_->headroom().FreeBytes(),
                   " bytes free; the server takes nothing new below ",
                   store_->headroom().min_free_bytes(), " (min_free_bytes); make room and go on"));
}

void Turns::PreparePart(Turn* turn, PartWork* work) {
  v1::LearnPart& part = work->task.part;
  if (part.body_case() == v1::LearnPart::kAttach) return;  // changes nothing but the writer
  turn->status = CheckWriter(*turn->entry, part);
  if (!turn->status.ok()) return;
  // The last moment at which a cancelled call may take its part back.
  if (work->task.wanted && !work->task.wanted()) {
    turn->status = absl::CancelledError(
        "the call was cancelled before the part was journalled; nothing of it was applied");
    return;
  }
  if (turn->status = CheckHeadroom(); !turn->status.ok()) return;
  JournalRecord record;
  switch (part.body_case()) {
    case v1::LearnPart::kObserve:
      turn->status = PrepareObserve(turn, part.mutable_observe());
      return;
    case v1::LearnPart::kLateTargets:
      record.mutable_late_targets()->Swap(part.mutable_late_targets());
      break;
    case v1::LearnPart::kSettle:
      record.mutable_settle();
      break;
    case v1::LearnPart::kReset:
      record.mutable_reset();
      break;
    default:
      turn->status = Unanswerable(*turn->entry);
      return;
  }
  turn->status = PrepareEvent(turn, std::move(record));
}

absl::Status Turns::PrepareObserve(Turn* turn, v1::Observe* observe) {
  engine::Stream& stream = *turn->entry->body.stream;
  turn->want = FromWire(*observe);
  observe->clear_want();
  ViewedEvent viewed;
  absl::Status status = ViewObserve(*observe, &viewed);
  if (status.ok()) status = stream.Check(viewed.event);
  if (!status.ok()) return status;
  const std::uint64_t total = StepsOf(*observe, *turn->entry->model);
  if (!stream.Changes(viewed.event)) {
    turn->reply.mutable_observe()->set_skipped(static_cast<std::uint32_t>(total));
    return absl::OkStatus();
  }
  const std::uint64_t piece = PieceSteps(*turn->entry->model);
  std::uint64_t from = stream.applied_seq() + 1 - observe->first_seq();
  std::uint64_t event = stream.event();
  const auto add = [&]() -> v1::Observe* {
    JournalRecord& record = turn->pieces.emplace_back();
    record.set_event(++event);
    record.set_numeric_path(turn->entry->model->numeric_path());
    return record.mutable_observe();
  };
  if (total - from <= piece) {
    add()->Swap(observe);
    return absl::OkStatus();
  }
  turn->reply.mutable_observe()->set_skipped(static_cast<std::uint32_t>(from));
  for (; from < total; from += piece) {
    *add() = SliceOf(*observe, *turn->entry->model, from, std::min(piece, total - from));
  }
  return absl::OkStatus();
}

void Turns::Attach(Turn* turn, const v1::LearnPart& part) {
  Entry* entry = turn->entry.get();
  Entry::Body& body = entry->body;
  const std::uint64_t claimed = part.attach().last_durable_seq();
  std::uint64_t durable = 0, token = 0;
  {
    const std::lock_guard lock(entry->face_mutex);
    durable = entry->face.durable_seq;
    // A claim from before the numbering was rewound says nothing about a loss.
    const bool comparable = part.epoch() == 0 || part.epoch() == entry->face.epoch;
    if (!comparable || claimed <= durable || claimed <= body.record.accepted_seq()) {
      token = entry->face.writer_token = NewWriterToken();
    } else {
      entry->face.lost_seq = claimed;
    }
  }
  if (token == 0) {
    body.record.set_lost_seq(claimed);
    Batch batch = store_->NewBatch();
    keeper_->PutRecord(*entry, &batch);
    store_->Commit(std::move(batch), /*sync=*/false);
    turn->status = Lost(entry->id, claimed, durable);
    return;
  }
  v1::AttachResult& result = *turn->reply.mutable_attach();
  result.set_writer_token(token);
  for (const std::uint64_t seq : body.stream->HeldTargets()) result.add_held_targets(seq);
  result.set_window_steps(options_.window_steps);
  result.set_window_bytes(options_.window_bytes);
}

void Turns::FillReply(Turn* turn, PartWork* work) {
  Entry* entry = turn->entry.get();
  v1::LearnPartReply& reply = turn->reply;
  if (turn->status.ok() && work->task.part.body_case() == v1::LearnPart::kAttach) {
    Attach(turn, work->task.part);
  }
  reply.set_part_id(work->task.part.part_id());
  reply.set_stream(entry->id);
  if (!turn->status.ok()) {
    reply.clear_result();
    *reply.mutable_status() = ToRpcStatus(turn->status);
    if (observer_ != nullptr) {
      observer_->OnPartRefused(entry->model->name(), engine::ReasonOf(turn->status));
    }
  } else if (reply.has_observe()) {
    reply.mutable_observe()->set_trailing_steps(entry->body.stream->applied_seq() -
                                                entry->body.stream->learned_seq());
  }
  FillNumbers(*entry, &reply);
}

void Turns::Release(Entry* entry, const PartWork& part) const {
  const std::lock_guard lock(entry->face_mutex);
  entry->face.unanswered_steps -= part.steps;
  entry->face.unanswered_bytes -= part.bytes;
}

void Turns::FillNumbers(const Entry& entry, v1::LearnPartReply* reply) const {
  const std::lock_guard lock(entry.face_mutex);
  reply->set_epoch(entry.face.epoch);
  reply->set_applied_seq(entry.face.applied_seq);
  reply->set_learned_seq(entry.face.learned_seq);
  reply->set_durable_seq(entry.face.durable_seq);
}

}  // namespace millrace::server
