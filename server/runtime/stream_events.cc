// Events of administration, and the acts on snapshots: fork, rollback, accept a loss.

#include <future>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "server/convert/spec.h"
#include "server/runtime/faults.h"
#include "server/runtime/impl.h"

namespace millrace::server {
namespace {

using store::v1::JournalRecord;
using store::v1::SnapshotCommit;

v1::Snapshot SnapshotToWire(const std::string& stream, const SnapshotCommit& commit) {
  v1::Snapshot wire;
  wire.set_stream(stream);
  wire.set_event(commit.event());
  wire.set_applied_seq(commit.applied_seq());
  *wire.mutable_create_time() = commit.create_time();
  wire.set_bytes(commit.bytes());
  wire.set_checksum(commit.checksum());
  return wire;
}

absl::Status NoSnapshot(const std::string& stream, absl::string_view which) {
  return engine::Error(absl::StatusCode::kNotFound, kNoSnapshot,
                       absl::StrCat("stream '", stream, "' has no snapshot", which,
                                    "; list its snapshots, or take one"));
}

}  // namespace

template <typename Request>
absl::StatusOr<v1::Stream> RuntimeImpl::Event(const char* method, const Request& request,
                                              JournalRecord record) {
  if (draining_) return Draining();
  const auto entry = FindStream(request.id());
  if (!entry.ok()) return entry.status();
  const auto act = [&](const RequestKey& key) -> absl::StatusOr<v1::Stream> {
    std::promise<absl::Status> result;
    scheduler_.Add(*entry,
                   EventWork{std::move(record), [&](Batch* batch) { requests_.Record(key, batch); },
                             [&](const absl::Status& status) { result.set_value(status); }});
    if (absl::Status status = result.get_future().get(); !status.ok()) return status;
    return FaceToWire(**entry);
  };
  return Once<v1::Stream>(&requests_, method, request, act, [&] { return GetEntry(request.id()); });
}

absl::StatusOr<v1::Stream> RuntimeImpl::FreezeStream(const v1::FreezeStreamRequest& request) {
  JournalRecord record;
  record.mutable_freeze();
  return Event("FreezeStream", request, std::move(record));
}

absl::StatusOr<v1::Stream> RuntimeImpl::UnfreezeStream(const v1::UnfreezeStreamRequest& request) {
  JournalRecord record;
  record.mutable_unfreeze();
  return Event("UnfreezeStream", request, std::move(record));
}

absl::StatusOr<v1::Stream> RuntimeImpl::ResetStream(const v1::ResetStreamRequest& request) {
  JournalRecord record;
  record.mutable_reset();
  return Event("ResetStream", request, std::move(record));
}

absl::StatusOr<v1::Stream> RuntimeImpl::SettleStream(const v1::SettleStreamRequest& request) {
  JournalRecord record;
  record.mutable_settle();
  return Event("SettleStream", request, std::move(record));
}

absl::StatusOr<v1::Stream> RuntimeImpl::SetStream(const v1::SetStreamRequest& request) {
  if (const auto settings = FromWire(request.settings()); !settings.ok()) {
    return settings.status();
  }
  JournalRecord record;
  *record.mutable_set()->mutable_settings() = request.settings();
  return Event("SetStream", request, std::move(record));
}

absl::StatusOr<v1::Stream> RuntimeImpl::TakeShadow(const v1::TakeShadowRequest& request) {
  JournalRecord record;
  record.mutable_take_shadow();
  return Event("TakeShadow", request, std::move(record));
}

absl::StatusOr<v1::Stream> RuntimeImpl::RestoreStream(const v1::RestoreStreamRequest& request) {
  JournalRecord record;
  record.mutable_restore();
  return Event("RestoreStream", request, std::move(record));
}

absl::StatusOr<v1::Snapshot> RuntimeImpl::SnapshotStream(const v1::SnapshotStreamRequest& request) {
  if (draining_) return Draining();
  const auto entry = FindStream(request.id());
  if (!entry.ok()) return entry.status();
  const auto act = [&](const RequestKey&) -> absl::StatusOr<v1::Snapshot> {
    v1::Snapshot wire;
    absl::Status status = InTurn(*entry, CallWork::Need::kStream, [&]() -> absl::Status {
      const auto commit = keeper_.SnapshotNow(entry->get(), /*requested=*/true);
      if (!commit.ok()) return commit.status();
      wire = SnapshotToWire(request.id(), *commit);
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    return wire;
  };
  // A snapshot changes nothing, so where its answer was lost the next one is as good.
  return Once<v1::Snapshot>(&requests_, "SnapshotStream", request, act,
                            [&] { return act(RequestKey()); });
}

absl::StatusOr<v1::ListSnapshotsResponse> RuntimeImpl::ListSnapshots(
    const v1::ListSnapshotsRequest& request) {
  const auto entry = FindStream(request.id());
  if (!entry.ok()) return entry.status();
  v1::ListSnapshotsResponse response;
  absl::Status status = InTurn(*entry, CallWork::Need::kEntry, [&]() -> absl::Status {
    const auto commits = store_->snapshots().List(request.id());
    if (!commits.ok()) return commits.status();
    for (const SnapshotCommit& commit : *commits) {
      *response.add_snapshots() = SnapshotToWire(request.id(), commit);
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::Stream> RuntimeImpl::ForkStream(const v1::ForkStreamRequest& request) {
  if (draining_) return Draining();
  if (absl::Status status = CheckName("stream", request.new_id()); !status.ok()) return status;
  const auto entry = FindStream(request.id());
  if (!entry.ok()) return entry.status();
  return Once<v1::Stream>(
      &requests_, "ForkStream", request,
      [&](const RequestKey& key) { return Fork(request, *entry, key); },
      [&] { return GetEntry(request.new_id()); });
}

absl::StatusOr<v1::Stream> RuntimeImpl::Fork(const v1::ForkStreamRequest& request,
                                             const EntryPtr& entry, const RequestKey& key) {
  const std::string& model = entry->model->name();
  if (absl::Status status = table_.Reserve(request.new_id(), model); !status.ok()) return status;
  auto copy = std::make_shared<Entry>(request.new_id(), entry->model);
  absl::Status status = InTurn(entry, CallWork::Need::kStream, [&]() -> absl::Status {
    if (request.follow()) {
      if (absl::Status room = variants_.CheckRoom(*entry); !room.ok()) return room;
    }
    if (absl::Status written = WriteFork(request, *entry, copy.get(), key); !written.ok()) {
      return written;
    }
    if (request.follow()) variants_.Add(*entry, copy);
    return absl::OkStatus();
  });
  if (!status.ok()) {
    table_.Release(request.new_id(), model);
    return status;
  }
  table_.Show(copy);
  return FaceToWire(*copy);
}

absl::Status RuntimeImpl::WriteFork(const v1::ForkStreamRequest& request, const Entry& from,
                                    Entry* copy, const RequestKey& key) {
  auto stream = CopyWith(from, copy->id, request.settings());
  if (!stream.ok()) return stream.status();
  copy->body.stream = *std::move(stream);
  SnapshotCommit commit = keeper_.CommitOf(*copy);
  const std::string bytes = engine::EncodeSnapshot(copy->body.stream->Save());
  copy->body.stream = nullptr;
  store::v1::StreamRecord& record = copy->body.record;
  record = from.body.record;
  record.set_epoch(store_->FirstEpoch());
  record.set_forked(true);
  record.set_closed(false);
  record.clear_lost_seq();
  record.clear_accepted_seq();
  record.clear_promoted_event();
  record.clear_compared();
  record.set_variant_of(request.follow() ? from.id : "");
  if (request.follow()) {
    *record.mutable_compared() = Variants::BeginningAt(from);
    record.set_compared_since_promotion(from.body.record.promoted_event());
  }
  *record.mutable_create_time() = commit.create_time();
  commit.set_epoch(record.epoch());
  Batch batch = store_->NewBatch();
  keeper_.PutRecord(*copy, &batch);
  requests_.Record(key, &batch);
  absl::Status status = store_->snapshots().Write(copy->id, bytes, &commit, &batch);
  if (!status.ok()) return status;
  // The copy's numbers are called durable from the first moment on.
  if (DurabilityOf(*copy) == engine::Durability::kSync) store_->Sync();
  copy->face.seed = record.seed();
  copy->face.create_time = record.create_time();
  keeper_.Publish(copy);
  return keeper_.Skim(copy).status();
}

absl::Status RuntimeImpl::RefuseVariant(const Entry& entry) {
  const std::lock_guard lock(entry.face_mutex);
  if (entry.face.variant_of.empty()) return absl::OkStatus();
  return IsVariant(entry.id, entry.face.variant_of);
}

absl::StatusOr<v1::ListVariantsResponse> RuntimeImpl::ListVariants(
    const v1::ListVariantsRequest& request) {
  const auto entry = FindStream(request.id());
  if (!entry.ok()) return entry.status();
  return variants_.List(**entry);
}

absl::StatusOr<v1::Stream> RuntimeImpl::PromoteVariant(const v1::PromoteVariantRequest& request) {
  if (draining_) return Draining();
  const auto entry = FindStream(request.id());
  if (!entry.ok()) return entry.status();
  const auto act = [&](const RequestKey& key) -> absl::StatusOr<v1::Stream> {
    absl::Status status = InTurn(*entry, CallWork::Need::kStream, [&] {
      return variants_.Promote(entry->get(), request.variant(), key);
    });
    if (!status.ok()) return status;
    return FaceToWire(**entry);
  };
  return Once<v1::Stream>(&requests_, "PromoteVariant", request, act,
                          [&] { return GetEntry(request.id()); });
}

absl::StatusOr<v1::Stream> RuntimeImpl::RollbackStream(const v1::RollbackStreamRequest& request) {
  if (draining_) return Draining();
  const auto entry = FindStream(request.id());
  if (!entry.ok()) return entry.status();
  const auto act = [&](const RequestKey& key) -> absl::StatusOr<v1::Stream> {
    if (absl::Status status = RefuseVariant(**entry); !status.ok()) return status;
    if (variants_.HasAny(request.id())) return HasVariants(request.id(), "rolled back");
    absl::Status status = InTurn(*entry, CallWork::Need::kEntry,
                                 [&] { return Rollback(request, entry->get(), key); });
    if (!status.ok()) return status;
    return FaceToWire(**entry);
  };
  return Once<v1::Stream>(&requests_, "RollbackStream", request, act,
                          [&] { return GetEntry(request.id()); });
}

absl::Status RuntimeImpl::Rollback(const v1::RollbackStreamRequest& request, Entry* entry,
                                   const RequestKey& key) {
  const auto commits = store_->snapshots().List(entry->id);
  if (!commits.ok()) return commits.status();
  if (commits->empty()) return NoSnapshot(entry->id, "");
  const SnapshotCommit* chosen = request.has_event() ? nullptr : &commits->back();
  for (const SnapshotCommit& commit : *commits) {
    if (request.has_event() && commit.event() == request.event()) chosen = &commit;
  }
  if (chosen == nullptr) {
    return NoSnapshot(entry->id, absl::StrCat(" at event ", request.event()));
  }
  // Nothing goes before it is known that the snapshot is whole.
  if (const auto stream = keeper_.LoadSnapshot(*entry, *chosen); !stream.ok()) {
    return stream.status();
  }
  store::v1::StreamRecord& record = entry->body.record;
  const std::uint64_t durable = FaceToWire(*entry).durable_seq();
  record.set_epoch(record.epoch() + 1);
  record.set_accepted_seq(std::max({record.accepted_seq(), record.lost_seq(), durable}));
  record.clear_lost_seq();
  Batch batch = store_->NewBatch();
  store_->RemoveEventsAfter(entry->id, chosen->epoch(), chosen->event(), &batch);
  Snapshots::RemoveAfter(entry->id, chosen->event(), &batch);
  keeper_.PutRecord(*entry, &batch);
  requests_.Record(key, &batch);
  store_->Commit(std::move(batch), DurabilityOf(*entry) == engine::Durability::kSync);
  entry->body.stream = nullptr;
  keeper_.Publish(entry);
  {
    const std::lock_guard lock(entry->face_mutex);
    entry->face.damage = absl::OkStatus();
    entry->face.writer_token = 0;
  }
  return keeper_.Skim(entry).status();
}

absl::StatusOr<v1::Stream> RuntimeImpl::AcceptLoss(const v1::AcceptLossRequest& request) {
  if (draining_) return Draining();
  const auto entry = FindStream(request.id());
  if (!entry.ok()) return entry.status();
  const auto act = [&](const RequestKey& key) -> absl::StatusOr<v1::Stream> {
    absl::Status status = InTurn(*entry, CallWork::Need::kEntry, [&] {
      store::v1::StreamRecord& record = (*entry)->body.record;
      record.set_accepted_seq(std::max(record.accepted_seq(), record.lost_seq()));
      record.clear_lost_seq();
      Batch batch = store_->NewBatch();
      keeper_.PutRecord(**entry, &batch);
      requests_.Record(key, &batch);
      store_->Commit(std::move(batch), /*sync=*/true);
      keeper_.Publish(entry->get());
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    return FaceToWire(**entry);
  };
  return Once<v1::Stream>(&requests_, "AcceptLoss", request, act,
                          [&] { return GetEntry(request.id()); });
}

}  // namespace millrace::server
