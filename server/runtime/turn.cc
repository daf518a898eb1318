#include "server/runtime/turn.h"

#include <algorithm>
#include <mutex>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/check.h"
#include "engine/errors.h"
#include "server/convert/results.h"
#include "server/runtime/faults.h"
#include "server/runtime/variants.h"

namespace millrace::server {
namespace {

// One turn of a stream in so many tells apart what its learner costs: two looks at the clock for
// each of its steps.
constexpr std::uint64_t kTimedTurns = 64;

class LearnerStopwatch final : public engine::LearnerTimer {
 public:
  void Begin() override { begin_ = absl::Now(); }
  void End() override { total_ += absl::Now() - begin_; }
  absl::Duration total() const { return total_; }

 private:
  absl::Time begin_;
  absl::Duration total_;
};

}  // namespace

bool NeedsStream(const Entry& entry, const Work& work) {
  if (const auto* part = std::get_if<PartWork>(&work)) return part->refused.ok();
  const auto* call = std::get_if<CallWork>(&work);
  if (call == nullptr) return true;
  if (call->need != CallWork::Need::kStats) return call->need == CallWork::Need::kStream;
  const std::lock_guard lock(entry.face_mutex);
  return !entry.face.idle_stats.has_value();
}

Turns::Turns(const RuntimeOptions& options, Store* store, Keeper* keeper, Syncer* syncer,
             RuntimeObserver* observer)
    : options_(options), store_(store), keeper_(keeper), syncer_(syncer), observer_(observer) {}

void Turns::Prepare(Turn* turn) {
  Entry* entry = turn->entry.get();
  const std::lock_guard lock(entry->turn_mutex);
  if (turn->status.ok()) turn->status = Ready(entry, turn->work);
  if (!turn->status.ok()) return;
  if (auto* part = std::get_if<PartWork>(&turn->work)) {
    PreparePart(turn, part);
  } else if (auto* event = std::get_if<EventWork>(&turn->work)) {
    turn->status = PrepareEvent(turn, std::move(event->record));
  }
  if (turn->status.ok()) Encode(turn);
}

absl::Status Turns::Ready(Entry* entry, const Work& work) {
  if (const auto* part = std::get_if<PartWork>(&work); part != nullptr && !part->refused.ok()) {
    return part->refused;
  }
  const bool needs_stream = NeedsStream(*entry, work);
  {
    const std::lock_guard lock(entry->face_mutex);
    const Entry::Face& face = entry->face;
    if (face.deleted) return NoStream(entry->id);
    if (std::get_if<CallWork>(&work) == nullptr) {
      if (!face.variant_of.empty()) return IsVariant(entry->id, face.variant_of);
      if (face.closed) return StreamClosed(entry->id);
      if (!face.damage.ok()) return face.damage;
      if (face.lost_seq != 0) return Lost(entry->id, face.lost_seq, face.durable_seq);
    } else if (needs_stream && !face.damage.ok()) {
      return face.damage;
    }
  }
  if (!needs_stream) return absl::OkStatus();
  if (absl::Status device = CheckDevice(*entry); !device.ok()) return device;
  return entry->body.stream != nullptr ? absl::OkStatus() : keeper_->Load(entry);
}

absl::Status Turns::PrepareEvent(Turn* turn, store::v1::JournalRecord record) {
  engine::Stream& stream = *turn->entry->body.stream;
  record.set_event(stream.event() + 1);
  record.set_numeric_path(turn->entry->model->numeric_path());
  turn->pieces.push_back(std::move(record));
  ViewedEvent viewed;
  absl::Status status = ViewRecord(turn->pieces.back(), &viewed);
  if (status.ok()) status = stream.Check(viewed.event);
  if (!status.ok()) turn->pieces.clear();
  return status;
}

void Turns::Encode(Turn* turn) {
  if (DurabilityOf(*turn->entry) == engine::Durability::kApplied) return;
  for (const store::v1::JournalRecord& piece : turn->pieces) {
    turn->encoded.push_back(piece.SerializeAsString());
  }
}

void Turns::Journal(absl::Span<const std::shared_ptr<Turn>> turns) {
  Batch batch = store_->NewBatch();
  for (const auto& turn : turns) {
    if (!turn->status.ok() || turn->applied_pieces > 0) continue;
    for (std::size_t i = 0; i < turn->encoded.size(); ++i) {
      store_->PutEvent(turn->entry->id, turn->entry->body.record.epoch(), turn->pieces[i].event(),
                       turn->encoded[i], &batch);
      turn->journal_bytes += static_cast<std::int64_t>(turn->encoded[i].size());
    }
    turn->encoded.clear();
    variants_->Journal(*turn, &batch);
    if (auto* event = std::get_if<EventWork>(&turn->work)) {
      if (event->with_journal) std::exchange(event->with_journal, nullptr)(&batch);
    }
  }
  if (batch.empty()) return;
  const std::int64_t bytes = batch.bytes();
  const absl::Time begin = absl::Now();
  store_->Commit(std::move(batch), /*sync=*/false);
  variants_->HandOut();
  if (observer_ != nullptr) {
    observer_->OnJournal(bytes, absl::ToDoubleSeconds(absl::Now() - begin));
  }
}

void Turns::Apply(Turn* turn) {
  Entry* entry = turn->entry.get();
  const std::lock_guard lock(entry->turn_mutex);
  if (auto* call = std::get_if<CallWork>(&turn->work)) {
    turn->finished = true;
    call->run(turn->status);
    return;
  }
  if (turn->status.ok()) ApplyPieces(turn);
  turn->finished = !turn->status.ok() || turn->applied_pieces == turn->pieces.size();
  if (!turn->finished) return;
  if (auto* part = std::get_if<PartWork>(&turn->work)) {
    FillReply(turn, part);
    if (turn->answers_later) return;
    Answer(turn, /*more=*/false);
  } else {
    std::get<EventWork>(turn->work).done(turn->status);
  }
  // After the answer, which does not depend on it.
  if (!turn->brief) SnapshotIfDue(entry);
}

void Turns::Answer(Turn* turn, bool more) {
  auto& part = std::get<PartWork>(turn->work);
  Release(turn->entry.get(), part);
  part.task.done(std::move(turn->reply), more);
}

void Turns::SnapshotIfDue(Entry* entry) {
  if (keeper_->SnapshotDue(*entry)) keeper_->SnapshotNow(entry, /*requested=*/false).IgnoreError();
}

void Turns::ApplyPieces(Turn* turn) {
  Entry* entry = turn->entry.get();
  engine::Stream& stream = *entry->body.stream;
  const std::optional<Turn::Ahead> ahead = std::exchange(turn->ahead, std::nullopt);
  const std::uint64_t before = ahead.has_value() ? ahead->applied_seq : stream.applied_seq();
  const absl::Time begin = ahead.has_value() ? ahead->begin : absl::Now();
  const auto* part = std::get_if<PartWork>(&turn->work);
  const bool told = observer_ != nullptr && !turn->pieces.empty();
  if (told && part != nullptr && turn->applied_pieces == 0) {
    observer_->OnBegun(absl::ToDoubleSeconds(begin - part->accepted));
  }
  const bool timed = told && !ahead.has_value() && entry->body.timed_turns++ % kTimedTurns == 0;
  LearnerStopwatch stopwatch;
  if (timed) stream.TimeLearner(&stopwatch);
  ViewedEvent viewed;
  bool settings = false;
  while (turn->applied_pieces < turn->pieces.size()) {
    const store::v1::JournalRecord& piece = turn->pieces[turn->applied_pieces];
    if (!ahead.has_value()) {
      const absl::Status status = ViewRecord(piece, &viewed);
      MILLRACE_CHECK(status.ok());
      stream.Apply(viewed.event, turn->want, &turn->outcome);
    }
    MILLRACE_CHECK(stream.event() == piece.event());
    ++turn->applied_pieces;
    settings = settings || piece.has_set();
    if (piece.has_observe()) AppendRows(turn->outcome, turn->reply.mutable_observe());
    if (piece.has_late_targets()) ToWire(turn->outcome, turn->reply.mutable_late_targets());
    if (ahead.has_value() || absl::Now() - begin > absl::Milliseconds(1)) break;
  }
  const double apply_s =
      absl::ToDoubleSeconds(ahead.has_value() ? ahead->share : absl::Now() - begin);
  if (timed) {
    stream.TimeLearner(nullptr);
    const double learner_s = absl::ToDoubleSeconds(stopwatch.total());
    observer_->OnLearnerTimed(entry->model->name(), stream.applied_seq() - before, apply_s,
                              learner_s);
  }
  const std::uint64_t steps = stream.applied_seq() - before;
  entry->body.steps += steps;
  entry->body.journal_bytes += std::exchange(turn->journal_bytes, 0);
  turn->steps += steps;
  if (settings) {
    keeper_->Publish(entry);
  } else {
    keeper_->PublishNumbers(entry);
  }
  variants_->NoteParent(*entry);
  if (DurabilityOf(*entry) == engine::Durability::kSync && !turn->pieces.empty()) {
    syncer_->Mark(turn->entry);
  }
  if (told) observer_->OnApplied(entry->model->name(), steps, apply_s);
}

void Turns::Refuse(Entry* entry, Work* work, const absl::Status& status) {
  if (auto* part = std::get_if<PartWork>(work)) {
    v1::LearnPartReply reply;
    reply.set_part_id(part->task.part.part_id());
    reply.set_stream(entry->id);
    *reply.mutable_status() = ToRpcStatus(part->refused.ok() ? status : part->refused);
    FillNumbers(*entry, &reply);
    Release(entry, *part);
    part->task.done(std::move(reply), /*more=*/false);
  } else if (auto* event = std::get_if<EventWork>(work)) {
    event->done(status);
  } else {
    std::get<CallWork>(*work).run(status);
  }
}

}  // namespace millrace::server
