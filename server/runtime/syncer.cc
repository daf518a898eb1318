#include "server/runtime/syncer.h"

#include <chrono>
#include <cstdint>
#include <utility>

#include "absl/time/clock.h"

namespace millrace::server {

Syncer::Syncer(Store* store, Listeners* listeners, RuntimeObserver* observer,
               absl::Duration interval)
    : store_(store),
      listeners_(listeners),
      observer_(observer),
      interval_(interval),
      thread_([this] { Loop(); }) {}

Syncer::~Syncer() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
  SyncMarked();
}

void Syncer::Mark(const std::shared_ptr<Entry>& entry) {
  {
    const std::lock_guard face(entry->face_mutex);
    if (entry->face.sync_pending) return;
    entry->face.sync_pending = true;
  }
  {
    const std::lock_guard lock(mutex_);
    marked_.push_back(entry);
  }
  wake_.notify_one();
}

void Syncer::SyncNow() { SyncMarked(); }

void Syncer::Loop() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    wake_.wait(lock, [this] { return stop_ || !marked_.empty(); });
    if (stop_) return;
    lock.unlock();
    SyncMarked();
    lock.lock();
    wake_.wait_for(lock, absl::ToChronoMicroseconds(interval_), [this] { return stop_; });
  }
}

void Syncer::SyncMarked() {
  const std::lock_guard one_at_a_time(sync_mutex_);
  std::vector<std::shared_ptr<Entry>> entries;
  {
    const std::lock_guard lock(mutex_);
    entries.swap(marked_);
  }
  if (entries.empty()) return;
  // What is applied by now was committed before: the sync covers it.
  struct Noted {
    std::uint64_t epoch, applied_seq;
  };
  std::vector<Noted> noted;
  for (const auto& entry : entries) {
    const std::lock_guard face(entry->face_mutex);
    entry->face.sync_pending = false;
    noted.push_back({entry->face.epoch, entry->face.applied_seq});
  }
  const absl::Time begin = absl::Now();
  store_->Sync();
  if (observer_ != nullptr) observer_->OnSync(absl::ToDoubleSeconds(absl::Now() - begin));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    bool moved = false;
    {
      const std::lock_guard face(entries[i]->face_mutex);
      Entry::Face& seen = entries[i]->face;
      moved = seen.epoch == noted[i].epoch && seen.durable_seq < noted[i].applied_seq;
      if (moved) seen.durable_seq = noted[i].applied_seq;
    }
    if (moved) listeners_->Tell(*entries[i]);
  }
}

}  // namespace millrace::server
