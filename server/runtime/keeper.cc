#include "server/runtime/keeper.h"

#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/errors.h"
#include "google/protobuf/util/time_util.h"
#include "server/convert/events.h"
#include "server/convert/spec.h"
#include "server/convert/stats.h"

namespace millrace::server {
namespace {

using store::v1::JournalRecord;
using store::v1::SnapshotCommit;

absl::Status Damaged(const Entry& entry, absl::string_view what) {
  return engine::Error(
      absl::StatusCode::kDataLoss, engine::kDamaged,
      absl::StrCat("stream '", entry.id, "' ", what, "; roll back to a snapshot or delete it"));
}

void SetOverrides(const std::vector<engine::NamedSetting>& overrides,
                  google::protobuf::RepeatedPtrField<v1::Setting>* field) {
  for (const engine::NamedSetting& setting : overrides) *field->Add() = ToWire(setting);
}

}  // namespace

Keeper::Keeper(const RuntimeOptions& options, Store* store, Listeners* listeners,
               RuntimeObserver* observer, Environment* environment)
    : options_(options),
      store_(store),
      listeners_(listeners),
      observer_(observer),
      environment_(environment) {}

absl::Status Keeper::Load(Entry* entry) {
  auto load = [&]() -> absl::Status {
    const auto commits = store_->snapshots().List(entry->id);
    if (!commits.ok()) return commits.status();
    if (absl::Status status = LoadBase(entry, *commits); !status.ok()) return status;
    std::uint64_t epoch = 0;
    for (const SnapshotCommit& commit : *commits) {
      if (entry->body.has_base && commit.event() == entry->body.base_event) epoch = commit.epoch();
    }
    if (absl::Status status = Replay(entry, epoch); !status.ok()) return status;
    // An older snapshot without the journal up to the newest would be a silent step back.
    if (!commits->empty() && entry->body.stream->event() < commits->back().event()) {
      return Damaged(*entry, absl::StrCat("cannot be brought to event ", commits->back().event()));
    }
    return absl::OkStatus();
  };
  if (absl::Status status = load(); !status.ok()) {
    entry->body.stream = nullptr;
    if (absl::IsDataLoss(status)) Quarantine(entry, status);
    return status;
  }
  Publish(entry);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<engine::Stream>> Keeper::LoadSnapshot(
    const Entry& entry, const SnapshotCommit& commit) const {
  const auto bytes = store_->snapshots().Read(entry.id, commit);
  if (!bytes.ok()) return bytes.status();
  const auto snapshot = engine::DecodeSnapshot(*bytes);
  if (!snapshot.ok()) return snapshot.status();
  return engine::Stream::Load(entry.model, entry.id, *snapshot);
}

absl::Status Keeper::LoadBase(Entry* entry, const Commits& commits) {
  Entry::Body& body = entry->body;
  body.damaged_base = false;
  body.journal_bytes = 0;
  body.steps = 0;
  absl::Status damage;
  for (auto commit = commits.rbegin(); commit != commits.rend(); ++commit) {
    auto stream = LoadSnapshot(*entry, *commit);
    if (stream.ok()) {
      body.stream = *std::move(stream);
      body.has_base = true;
      body.base_event = commit->event();
      return absl::OkStatus();
    }
    damage.Update(stream.status());
    body.damaged_base = true;
  }
  if (body.record.forked()) {
    return damage.ok() ? Damaged(*entry, "has lost the snapshot that it began with") : damage;
  }
  auto overrides = FromWire(body.record.overrides());
  if (!overrides.ok()) return overrides.status();
  auto stream = engine::Stream::Open(entry->model, entry->id,
                                     {.seed = body.record.seed(), .overrides = *overrides});
  if (!stream.ok()) return stream.status();
  body.stream = *std::move(stream);
  body.has_base = false;
  body.base_event = 0;
  return absl::OkStatus();
}

absl::Status Keeper::Replay(Entry* entry, std::uint64_t epoch) {
  Entry::Body& body = entry->body;
  const std::string& path = entry->model->numeric_path();
  bool inexact =
      body.stream->resumed_inexactly() || (!body.has_base && body.record.numeric_path() != path);
  engine::Outcome outcome;
  const std::uint64_t applied_before = body.stream->applied_seq();
  absl::Status status =
      store_->Replay(entry->id, epoch, body.stream->event(),
                     [&](const JournalRecord& record, std::int64_t bytes) -> absl::Status {
                       inexact = inexact || record.numeric_path() != path;
                       body.journal_bytes += bytes;
                       ++replayed_events_;
                       return Repeat(entry, record, &outcome);
                     });
  if (!status.ok()) return status;
  body.steps = body.stream->applied_seq() - applied_before;
  if (!inexact || body.record.resumed_inexactly()) return absl::OkStatus();
  body.record.set_resumed_inexactly(true);
  Batch batch = store_->NewBatch();
  PutRecord(*entry, &batch);
  store_->Commit(std::move(batch), /*sync=*/false);
  return absl::OkStatus();
}

absl::Status Keeper::Repeat(Entry* entry, const JournalRecord& record,
                            engine::Outcome* outcome) const {
  if (record.has_promote()) return TakeOver(entry, record);
  ViewedEvent viewed;
  absl::Status status = ViewRecord(record, &viewed);
  if (status.ok()) status = entry->body.stream->Check(viewed.event);
  if (!status.ok()) {
    return Damaged(*entry,
                   absl::StrCat("has event ", record.event(),
                                " in its journal that cannot be repeated: ", status.message()));
  }
  entry->body.stream->Apply(viewed.event, {.outputs = false}, outcome);
  if (entry->body.stream->event() == record.event()) return absl::OkStatus();
  return Damaged(*entry, absl::StrCat("stands at event ", entry->body.stream->event(),
                                      " after event ", record.event(), " of its journal"));
}

absl::Status Keeper::TakeOver(Entry* entry, const JournalRecord& record) const {
  const auto snapshot = engine::DecodeSnapshot(record.promote().state());
  if (!snapshot.ok()) return snapshot.status();
  auto stream = engine::Stream::Load(entry->model, entry->id, *snapshot);
  if (!stream.ok()) return stream.status();
  if ((*stream)->event() != record.event()) {
    return Damaged(*entry, absl::StrCat("has a promotion in its journal at event ", record.event(),
                                        " that stands at event ", (*stream)->event()));
  }
  entry->body.stream = *std::move(stream);
  return absl::OkStatus();
}

absl::StatusOr<bool> Keeper::Skim(Entry* entry) {
  const auto commits = store_->snapshots().List(entry->id);
  if (!commits.ok()) return commits.status();
  const SnapshotCommit none;
  const SnapshotCommit& newest = commits->empty() ? none : commits->back();
  const auto last = store_->LastEvent(entry->id, newest.epoch(), newest.event());
  if (!last.ok()) return last.status();
  if (*last != 0 || (commits->empty() && entry->body.record.forked())) return false;
  entry->body.has_base = !commits->empty();
  entry->body.base_event = newest.event();
  const std::lock_guard lock(entry->face_mutex);
  Entry::Face& face = entry->face;
  face.event = newest.event();
  face.applied_seq = face.durable_seq = newest.applied_seq();
  face.learned_seq = newest.learned_seq();
  face.frozen = newest.frozen();
  face.resumed_inexactly = entry->body.record.resumed_inexactly();
  const auto& overrides = commits->empty() ? entry->body.record.overrides() : newest.overrides();
  face.overrides.assign(overrides.begin(), overrides.end());
  if (!commits->empty()) face.idle_stats = newest.stats();
  return true;
}

SnapshotCommit Keeper::CommitOf(const Entry& entry) const {
  const engine::Stream& stream = *entry.body.stream;
  SnapshotCommit commit;
  commit.set_epoch(entry.body.record.epoch());
  commit.set_event(stream.event());
  commit.set_applied_seq(stream.applied_seq());
  commit.set_learned_seq(stream.learned_seq());
  *commit.mutable_create_time() =
      google::protobuf::util::TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(Now()));
  commit.set_model_digest(entry.model->digest());
  commit.set_numeric_path(entry.model->numeric_path());
  commit.set_frozen(stream.frozen());
  SetOverrides(stream.Overrides(), commit.mutable_overrides());
  *commit.mutable_stats() = ToWire(stream.Stats());
  return commit;
}

absl::StatusOr<SnapshotCommit> Keeper::SnapshotNow(Entry* entry, bool requested) {
  Entry::Body& body = entry->body;
  if (body.has_base && body.base_event == body.stream->event()) {
    const auto commits = store_->snapshots().List(entry->id);
    if (!commits.ok()) return commits.status();
    for (SnapshotCommit commit : *commits) {
      if (commit.event() != body.base_event) continue;
      if (requested) store_->snapshots().MarkRequested(entry->id, &commit);
      return commit;
    }
  }
  const absl::Time begin = absl::Now();
  SnapshotCommit commit = CommitOf(*entry);
  commit.set_requested(requested);
  const std::string bytes = engine::EncodeSnapshot(body.stream->Save());
  absl::Status status = store_->snapshots().Write(entry->id, bytes, &commit);
  if (!status.ok()) return status;
  if (observer_ != nullptr) {
    observer_->OnSnapshot(entry->model->name(), static_cast<std::int64_t>(bytes.size()),
                          absl::ToDoubleSeconds(absl::Now() - begin));
  }
  NoteSnapshot(entry, commit.event());
  return commit;
}

void Keeper::NoteSnapshot(Entry* entry, std::uint64_t event) const {
  Entry::Body& body = entry->body;
  body.has_base = true;
  body.base_event = event;
  body.damaged_base = false;
  body.journal_bytes = 0;
  body.steps = 0;
  if (DurabilityOf(*entry) != engine::Durability::kApplied) return;
  bool moved = false;
  {
    const std::lock_guard lock(entry->face_mutex);
    moved = entry->face.durable_seq != body.stream->applied_seq();
    entry->face.durable_seq = body.stream->applied_seq();
  }
  if (moved) listeners_->Tell(*entry);
}

bool Keeper::Changed(const Entry& entry) const {
  const Entry::Body& body = entry.body;
  if (body.stream == nullptr) return false;
  if (body.damaged_base) return true;
  return body.stream->event() != (body.has_base ? body.base_event : 0);
}

bool Keeper::SnapshotDue(const Entry& entry) const {
  return entry.body.stream != nullptr &&
         (entry.body.journal_bytes >= options_.snapshot_journal_bytes ||
          entry.body.steps >= options_.snapshot_steps);
}

absl::Status Keeper::PageOut(Entry* entry) {
  if (entry->body.stream == nullptr) return absl::OkStatus();
  if (Changed(*entry)) {
    const auto commit = SnapshotNow(entry, /*requested=*/false);
    if (!commit.ok()) return commit.status();
  }
  v1::StreamStats stats = ToWire(entry->body.stream->Stats());
  entry->body.stream = nullptr;
  const std::lock_guard lock(entry->face_mutex);
  entry->face.idle_stats = std::move(stats);
  entry->face.resident_bytes = 0;
  return absl::OkStatus();
}

void Keeper::Publish(Entry* entry) const {
  PublishNumbers(entry);
  if (entry->body.stream == nullptr) return;
  std::vector<v1::Setting> overrides;
  for (const engine::NamedSetting& setting : entry->body.stream->Overrides()) {
    overrides.push_back(ToWire(setting));
  }
  const std::lock_guard lock(entry->face_mutex);
  entry->face.overrides = std::move(overrides);
}

void Keeper::PublishNumbers(Entry* entry) const {
  const Entry::Body& body = entry->body;
  const std::lock_guard lock(entry->face_mutex);
  Entry::Face& face = entry->face;
  face.epoch = body.record.epoch();
  face.closed = body.record.closed();
  face.lost_seq = body.record.lost_seq();
  if (body.stream == nullptr) {
    face.resident_bytes = 0;
    return;
  }
  const engine::Stream& stream = *body.stream;
  face.event = stream.event();
  face.applied_seq = stream.applied_seq();
  face.learned_seq = stream.learned_seq();
  face.frozen = stream.frozen();
  face.resumed_inexactly = body.record.resumed_inexactly() || stream.resumed_inexactly();
  // A walk over the state's list: the window's growth is seen soon enough.
  if (face.resident_bytes == 0 || stream.event() % 64 == 0) {
    face.resident_bytes = stream.ResidentBytes();
  }
  face.idle_stats.reset();
  // The write that made it survive the process came before.
  if (DurabilityOf(*entry) == engine::Durability::kProcess) face.durable_seq = face.applied_seq;
}

v1::StreamStats Keeper::StatsOf(const Entry& entry) const {
  v1::StreamStats stats;
  if (entry.body.stream != nullptr) stats = ToWire(entry.body.stream->Stats());
  const std::lock_guard lock(entry.face_mutex);
  const Entry::Face& face = entry.face;
  if (entry.body.stream == nullptr && face.idle_stats.has_value()) stats = *face.idle_stats;
  stats.set_stream(entry.id);
  stats.set_epoch(face.epoch);
  stats.set_durable_seq(face.durable_seq);
  stats.set_resumed_inexactly(face.resumed_inexactly);
  return stats;
}

void Keeper::Quarantine(Entry* entry, const absl::Status& damage) const {
  const std::lock_guard lock(entry->face_mutex);
  entry->face.damage = damage;
  entry->face.resident_bytes = 0;
}

void Keeper::PutRecord(const Entry& entry, Batch* batch) const {
  store_->PutStream(entry.id, entry.body.record, batch);
}

}  // namespace millrace::server
