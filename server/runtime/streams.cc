// Streams: opened, looked at, closed, deleted.

#include <future>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "google/protobuf/util/time_util.h"
#include "server/convert/spec.h"
#include "server/runtime/faults.h"
#include "server/runtime/impl.h"
#include "server/runtime/pages.h"

namespace millrace::server {

v1::Stream FaceToWire(const Entry& entry) {
  v1::Stream wire;
  wire.set_id(entry.id);
  wire.set_model(entry.model->name());
  wire.set_numeric_path(entry.model->numeric_path());
  const std::lock_guard lock(entry.face_mutex);
  const Entry::Face& face = entry.face;
  wire.set_epoch(face.epoch);
  wire.set_seed(face.seed);
  for (const v1::Setting& setting : face.overrides) *wire.add_overrides() = setting;
  wire.set_applied_seq(face.applied_seq);
  wire.set_learned_seq(face.learned_seq);
  wire.set_durable_seq(face.durable_seq);
  wire.set_event(face.event);
  wire.set_frozen(face.frozen);
  wire.set_closed(face.closed);
  wire.set_resident(face.resident_bytes > 0);
  wire.set_resident_bytes(face.resident_bytes);
  wire.set_quarantined(!face.damage.ok());
  wire.set_variant_of(face.variant_of);
  *wire.mutable_create_time() = face.create_time;
  return wire;
}

absl::StatusOr<RuntimeImpl::EntryPtr> RuntimeImpl::FindStream(const std::string& id) const {
  if (absl::Status status = CheckName("stream", id); !status.ok()) return status;
  EntryPtr entry = table_.Find(id);
  if (entry == nullptr) return NoStream(id);
  return entry;
}

absl::Status RuntimeImpl::InTurn(const EntryPtr& entry, CallWork::Need need,
                                 const std::function<absl::Status()>& call) {
  std::promise<absl::Status> result;
  scheduler_.Add(entry, CallWork{need, [&](const absl::Status& ready) {
                                   result.set_value(ready.ok() ? call() : ready);
                                 }});
  return result.get_future().get();
}

absl::StatusOr<v1::OpenStreamResponse> RuntimeImpl::OpenStream(
    const v1::OpenStreamRequest& request) {
  if (draining_) return Draining();
  if (absl::Status status = CheckName("stream", request.id()); !status.ok()) return status;
  const auto act = [&](const RequestKey& key) -> absl::StatusOr<v1::OpenStreamResponse> {
    if (const EntryPtr entry = table_.Find(request.id())) {
      return OpenExisting(request, entry, key);
    }
    return OpenNew(request, key);
  };
  const auto present = [&]() -> absl::StatusOr<v1::OpenStreamResponse> {
    auto stream = GetEntry(request.id());
    if (!stream.ok()) return stream.status();
    v1::OpenStreamResponse response;
    *response.mutable_stream() = *std::move(stream);
    response.set_created(true);
    return response;
  };
  return Once<v1::OpenStreamResponse>(&requests_, "OpenStream", request, act, present);
}

absl::StatusOr<v1::OpenStreamResponse> RuntimeImpl::OpenNew(const v1::OpenStreamRequest& request,
                                                            const RequestKey& key) {
  if (absl::Status status = CheckName("model", request.model()); !status.ok()) return status;
  const auto model = table_.Model(request.model());
  if (!model.ok()) return model.status();
  const auto overrides = FromWire(request.overrides());
  if (!overrides.ok()) return overrides.status();
  const auto spec = engine::WithOverrides(model->model->spec(), *overrides);
  if (!spec.ok()) return spec.status();
  if (absl::Status status = table_.Reserve(request.id(), request.model()); !status.ok()) {
    return status;
  }
  auto entry = std::make_shared<Entry>(request.id(), model->model);
  store::v1::StreamRecord& record = entry->body.record;
  record.set_model(request.model());
  record.set_epoch(store_->FirstEpoch());
  record.set_seed(request.seed());
  *record.mutable_overrides() = request.overrides();
  *record.mutable_create_time() = google::protobuf::util::TimeUtil::NanosecondsToTimestamp(
      absl::ToUnixNanos(environment_->Now()));
  record.set_numeric_path(model->model->numeric_path());
  entry->face.seed = record.seed();
  entry->face.create_time = record.create_time();
  // Its first turn brings it into memory: only a stream for which there is room comes to be.
  absl::Status status = InTurn(entry, CallWork::Need::kStream, [&] {
    Batch batch = store_->NewBatch();
    keeper_.PutRecord(*entry, &batch);
    requests_.Record(key, &batch);
    store_->Commit(std::move(batch), DurabilityOf(*entry) == engine::Durability::kSync);
    return absl::OkStatus();
  });
  if (!status.ok()) {
    table_.Release(request.id(), request.model());
    return status;
  }
  table_.Show(entry);
  v1::OpenStreamResponse response;
  *response.mutable_stream() = FaceToWire(*entry);
  response.set_created(true);
  return response;
}

absl::StatusOr<v1::OpenStreamResponse> RuntimeImpl::OpenExisting(
    const v1::OpenStreamRequest& request, const EntryPtr& entry, const RequestKey& key) {
  absl::Status status = InTurn(entry, CallWork::Need::kEntry, [&]() -> absl::Status {
    store::v1::StreamRecord& record = entry->body.record;
    if (!request.model().empty() && request.model() != record.model()) {
      return Exists("stream", entry->id,
                    absl::StrCat(" with model '", record.model(), "'; '", request.model(),
                                 "' was asked for; leave model empty or use another id"));
    }
    if (request.has_seed() && request.seed() != record.seed()) {
      return Exists("stream", entry->id,
                    absl::StrCat(" with seed ", record.seed(), "; ", request.seed(),
                                 " was asked for; leave seed out or use another id"));
    }
    const auto same = [](const v1::Setting& a, const v1::Setting& b) {
      return a.SerializeAsString() == b.SerializeAsString();
    };
    if (!request.overrides().empty() &&
        !std::equal(request.overrides().begin(), request.overrides().end(),
                    record.overrides().begin(), record.overrides().end(), same)) {
      return Exists("stream", entry->id,
                    " with other overrides; leave them out and change them with SetStream");
    }
    if (!record.closed()) return absl::OkStatus();
    record.set_closed(false);
    Batch batch = store_->NewBatch();
    keeper_.PutRecord(*entry, &batch);
    requests_.Record(key, &batch);
    store_->Commit(std::move(batch), /*sync=*/false);
    keeper_.Publish(entry.get());
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  v1::OpenStreamResponse response;
  *response.mutable_stream() = FaceToWire(*entry);
  return response;
}

absl::StatusOr<v1::Stream> RuntimeImpl::GetEntry(const std::string& id) {
  const auto entry = FindStream(id);
  if (!entry.ok()) return entry.status();
  return FaceToWire(**entry);
}

absl::StatusOr<v1::Stream> RuntimeImpl::GetStream(const v1::GetStreamRequest& request) {
  const auto entry = FindStream(request.id());
  if (!entry.ok()) return entry.status();
  v1::Stream stream;
  const auto need = request.with_digest() ? CallWork::Need::kStream : CallWork::Need::kEntry;
  absl::Status status = InTurn(*entry, need, [&] {
    stream = FaceToWire(**entry);
    if (request.with_digest()) {
      const engine::Snapshot snapshot = (*entry)->body.stream->Save();
      stream.set_digest(engine::SnapshotDigest(snapshot));
      stream.set_learner_digest(engine::SnapshotLearnerDigest(snapshot));
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return stream;
}

absl::StatusOr<v1::ListStreamsResponse> RuntimeImpl::ListStreams(
    const v1::ListStreamsRequest& request) {
  if (!request.model().empty()) {
    if (auto model = table_.Model(request.model()); !model.ok()) return model.status();
  }
  const std::size_t size = PageSize(request.page_size());
  std::vector<EntryPtr> entries = table_.Streams(request.model(), request.page_token(), size + 1);
  v1::ListStreamsResponse response;
  if (entries.size() > size) {
    entries.pop_back();
    response.set_next_page_token(entries.back()->id);
  }
  for (const EntryPtr& entry : entries) *response.add_streams() = FaceToWire(*entry);
  return response;
}

absl::StatusOr<v1::Stream> RuntimeImpl::CloseStream(const v1::CloseStreamRequest& request) {
  if (draining_) return Draining();
  const auto entry = FindStream(request.id());
  if (!entry.ok()) return entry.status();
  return Once<v1::Stream>(
      &requests_, "CloseStream", request, [&](const RequestKey& key) { return Close(*entry, key); },
      [&] { return GetEntry(request.id()); });
}

absl::StatusOr<v1::Stream> RuntimeImpl::Close(const EntryPtr& entry, const RequestKey& key) {
  if (absl::Status status = RefuseVariant(*entry); !status.ok()) return status;
  absl::Status status = InTurn(entry, CallWork::Need::kEntry, [&]() -> absl::Status {
    if (absl::Status paged = keeper_.PageOut(entry.get()); !paged.ok()) return paged;
    entry->body.record.set_closed(true);
    Batch batch = store_->NewBatch();
    keeper_.PutRecord(*entry, &batch);
    requests_.Record(key, &batch);
    store_->Commit(std::move(batch), /*sync=*/false);
    keeper_.Publish(entry.get());
    const std::lock_guard lock(entry->face_mutex);
    entry->face.writer_token = 0;
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return FaceToWire(*entry);
}

absl::Status RuntimeImpl::DeleteStream(const v1::DeleteStreamRequest& request) {
  if (draining_) return Draining();
  if (absl::Status status = CheckName("stream", request.id()); !status.ok()) return status;
  const auto act = [&](const RequestKey& key) -> absl::StatusOr<v1::DeleteStreamResponse> {
    const auto entry = FindStream(request.id());
    if (!entry.ok()) return entry.status();
    if (variants_.HasAny(request.id())) return HasVariants(request.id(), "deleted");
    variants_.Remove(**entry);
    absl::Status status = InTurn(*entry, CallWork::Need::kEntry, [&] {
      Batch batch = store_->NewBatch();
      store_->DeleteStream(request.id(), (*entry)->body.record.epoch(), &batch);
      requests_.Record(key, &batch);
      store_->Commit(std::move(batch), /*sync=*/false);
      (*entry)->body.stream = nullptr;
      table_.Remove(**entry);
      const std::lock_guard lock((*entry)->face_mutex);
      (*entry)->face.deleted = true;
      (*entry)->face.resident_bytes = 0;
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    return v1::DeleteStreamResponse();
  };
  return Once<v1::DeleteStreamResponse>(&requests_, "DeleteStream", request, act,
                                        []() -> absl::StatusOr<v1::DeleteStreamResponse> {
                                          return v1::DeleteStreamResponse();
                                        })
      .status();
}

absl::StatusOr<v1::StreamStats> RuntimeImpl::GetStats(const std::string& stream) {
  const auto entry = FindStream(stream);
  if (!entry.ok()) return entry.status();
  v1::StreamStats stats;
  absl::Status status = InTurn(*entry, CallWork::Need::kStats, [&] {
    stats = keeper_.StatsOf(**entry);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return stats;
}

}  // namespace millrace::server
