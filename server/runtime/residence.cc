#include "server/runtime/residence.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "server/runtime/memory_limit.h"
#include "server/runtime/turn.h"

namespace millrace::server {

Residence::Residence(std::int64_t limit_bytes, absl::Duration idle, Keeper* keeper,
                     Environment* environment)
    : limit_bytes_(limit_bytes > 0 ? limit_bytes : AvailableMemoryBytes() / 4 * 3),
      idle_(idle),
      keeper_(keeper),
      environment_(environment) {}

absl::Status Residence::MakeRoom(const std::shared_ptr<Entry>& entry) {
  const std::int64_t wanted = entry->model->sizes().stream_bytes;
  while (bytes_ + wanted > limit_bytes_) {
    if (PageOutOne()) continue;
    return engine::Error(
        absl::StatusCode::kResourceExhausted, kMemory,
        absl::StrCat("stream '", entry->id, "' needs ", wanted, " bytes; ", bytes_.load(), " of ",
                     limit_bytes_,
                     " (memory_limit_bytes) are taken by streams in use; close some "
                     "or raise the limit"));
  }
  Set(entry, wanted);
  return absl::OkStatus();
}

void Residence::Count(const std::shared_ptr<Entry>& entry) {
  std::int64_t bytes = 0;
  {
    const std::lock_guard lock(entry->face_mutex);
    bytes = entry->face.resident_bytes;
  }
  Set(entry, bytes);
}

void Residence::Set(const std::shared_ptr<Entry>& entry, std::int64_t bytes) {
  Entry::Place& place = entry->place;
  bytes_ += bytes - place.counted_bytes;
  if (bytes > 0 && place.counted_bytes > 0) {
    by_use_.splice(by_use_.end(), by_use_, place.at);
  } else if (bytes > 0) {
    place.at = by_use_.insert(by_use_.end(), entry);
  } else if (place.counted_bytes > 0) {
    by_use_.erase(place.at);
  }
  place.counted_bytes = bytes;
}

bool Residence::PageOutOne() {
  for (const auto& entry : by_use_) {
    if (PageOut(entry)) return true;
  }
  return false;
}

bool Residence::PageOut(const std::shared_ptr<Entry>& entry) {
  if (entry->place.in_batch || entry->place.unfinished != nullptr) return false;
  const std::shared_ptr<Entry> kept = entry;  // the list's own goes
  {
    const std::lock_guard lock(kept->turn_mutex);
    // A snapshot that cannot be written leaves the stream where it is safe: here.
    if (!keeper_->PageOut(kept.get()).ok()) return false;
  }
  Set(kept, 0);
  return true;
}

void Residence::Use(Entry* entry) const { entry->place.last_use = environment_->Uptime(); }

bool Residence::Held() const {
  for (auto entry = by_use_.rbegin(); entry != by_use_.rend(); ++entry) {
    if ((*entry)->place.in_batch || (*entry)->place.unfinished != nullptr) return true;
  }
  return false;
}

void Residence::Tidy() {
  const absl::Duration now = environment_->Uptime();
  std::vector<std::shared_ptr<Entry>> idle;
  for (const auto& entry : by_use_) {
    if (now - entry->place.last_use < idle_) break;
    idle.push_back(entry);
  }
  for (const auto& entry : idle) PageOut(entry);
  while (bytes_ > limit_bytes_ && PageOutOne()) {
  }
}

}  // namespace millrace::server
