// Opening the runtime: what the store holds becomes models, streams and answered requests again.

#include <algorithm>
#include <functional>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/device/devices.h"
#include "engine/errors.h"
#include "server/convert/spec.h"
#include "server/runtime/impl.h"

namespace millrace::server {

absl::StatusOr<std::unique_ptr<Runtime>> Runtime::Open(const RuntimeOptions& options,
                                                       RuntimeObserver* observer) {
  Environment* environment =
      options.environment != nullptr ? options.environment : Environment::Default();
  auto store = Store::Open(options.store_path, options.min_free_bytes, environment);
  if (!store.ok()) return store.status();
  if (options.device_memory_limit_bytes > 0) {
    engine::LimitDeviceMemory(options.device_memory_limit_bytes);
  }
  auto runtime = std::make_unique<RuntimeImpl>(options, observer, *std::move(store));
  if (absl::Status status = runtime->Recover(); !status.ok()) return status;
  return runtime;
}

RuntimeImpl::RuntimeImpl(const RuntimeOptions& options, RuntimeObserver* observer,
                         std::unique_ptr<Store> store)
    : options_(options),
      observer_(observer),
      environment_(options.environment != nullptr ? options.environment : Environment::Default()),
      store_(std::move(store)),
      table_(options.max_models, options.max_streams),
      requests_(store_.get()),
      keeper_(options_, store_.get(), &listeners_, observer, environment_),
      residence_(options.memory_limit_bytes, options.idle_page_out, &keeper_, environment_),
      syncer_(store_.get(), &listeners_, observer, options.sync_interval),
      variants_(store_.get(), &keeper_, &syncer_, &requests_, observer),
      turns_(options_, store_.get(), &keeper_, &syncer_, observer),
      scheduler_(options.worker_threads, &turns_, &residence_, observer) {
  variants_.Start(&scheduler_);
  turns_.FollowedBy(&variants_);
}

RuntimeImpl::~RuntimeImpl() { draining_ = true; }

absl::Status RuntimeImpl::Recover() {
  const absl::Time begin = absl::Now();
  if (absl::Status status = RecoverModels(); !status.ok()) return status;
  if (absl::Status status = requests_.Load(); !status.ok()) return status;
  auto to_replay = RecoverEntries();
  if (!to_replay.ok()) return to_replay.status();
  ReplayAll(*to_replay);
  RelinkVariants();
  if (observer_ != nullptr) {
    observer_->OnResumed(static_cast<std::int64_t>(table_.AllStreams().size()),
                         keeper_.replayed_events(), absl::ToDoubleSeconds(absl::Now() - begin));
  }
  return absl::OkStatus();
}

absl::Status RuntimeImpl::RecoverModels() {
  auto models = store_->Models();
  if (!models.ok()) return models.status();
  for (v1::Model& wire : *models) {
    const auto spec = FromWire(wire.spec());
    if (!spec.ok()) return spec.status();
    auto model = engine::Model::Create(wire.name(), *spec);
    if (!model.ok()) return model.status();
    if ((*model)->digest() != wire.spec_digest()) {
      return engine::Error(
          absl::StatusCode::kDataLoss, engine::kDamaged,
          absl::StrCat("the store's model '", wire.name(), "' has digest ", (*model)->digest(),
                       "; ", wire.spec_digest(), " was stored; start the release that made it"));
    }
    absl::Status status = table_.AddModel({*std::move(model), std::move(wire)}, [] {});
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<RuntimeImpl::EntryPtr>> RuntimeImpl::RecoverEntries() {
  auto streams = store_->Streams();
  if (!streams.ok()) return streams.status();
  std::vector<EntryPtr> to_replay;
  for (Store::NamedStream& stream : *streams) {
    const auto model = table_.Model(stream.record.model());
    if (!model.ok()) return model.status();
    if (absl::Status status = table_.Reserve(stream.id, stream.record.model()); !status.ok()) {
      return status;
    }
    auto entry = std::make_shared<Entry>(stream.id, model->model);
    entry->face.seed = stream.record.seed();
    entry->face.create_time = stream.record.create_time();
    entry->body.record = std::move(stream.record);
    keeper_.Publish(entry.get());
    const auto skimmed = keeper_.Skim(entry.get());
    if (!skimmed.ok()) {
      keeper_.Quarantine(entry.get(), skimmed.status());
    } else if (!*skimmed) {
      to_replay.push_back(entry);
    }
    table_.Show(entry);
  }
  return to_replay;
}

// The streams side by side; a group at a time, so that memory holds what is in the making.
void RuntimeImpl::ReplayAll(const std::vector<EntryPtr>& entries) {
  constexpr std::size_t kGroup = 64;
  std::int64_t resident_bytes = 0;
  for (std::size_t from = 0; from < entries.size(); from += kGroup) {
    const std::size_t to = std::min(entries.size(), from + kGroup);
    std::atomic<std::int64_t> bytes = 0;
    std::vector<std::function<void()>> jobs;
    for (std::size_t i = from; i < to; ++i) {
      const bool keep = resident_bytes < residence_.limit_bytes() / 2;
      jobs.push_back(
          [this, keep, &bytes, entry = entries[i].get()] { bytes += ReplayOne(entry, keep); });
    }
    scheduler_.workers().Run(jobs);
    resident_bytes += bytes;
  }
  // A turn each, so that the scheduler counts what is in memory.
  for (const EntryPtr& entry : entries) {
    scheduler_.Add(entry, CallWork{CallWork::Need::kEntry, [](const absl::Status&) {}});
  }
}

void RuntimeImpl::RelinkVariants() {
  for (const EntryPtr& variant : table_.AllStreams()) {
    if (variant->body.record.variant_of().empty()) continue;
    const EntryPtr parent = table_.Find(variant->body.record.variant_of());
    if (parent != nullptr) variants_.Relink(*parent, variant);
  }
}

std::int64_t RuntimeImpl::ReplayOne(Entry* entry, bool keep) {
  const std::lock_guard lock(entry->turn_mutex);
  if (!keeper_.Load(entry).ok()) return 0;
  {
    // Everything in the store was synced when it was opened.
    const std::lock_guard face(entry->face_mutex);
    entry->face.durable_seq = entry->face.applied_seq;
  }
  if (!keep && keeper_.PageOut(entry).ok()) return 0;
  const std::lock_guard face(entry->face_mutex);
  return entry->face.resident_bytes;
}

}  // namespace millrace::server
