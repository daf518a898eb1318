// The orderly end, and how the runtime feels.

#include <memory>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "engine/device/devices.h"
#include "engine/errors.h"
#include "server/runtime/impl.h"

namespace millrace::server {

absl::Status RuntimeImpl::Drain(absl::Time deadline) {
  draining_ = true;
  const auto late = [&] {
    return absl::DeadlineExceededError(
        absl::StrCat("the drain's deadline passed with ", scheduler_.queued(),
                     " pieces of work undone; the journal holds what was acknowledged"));
  };
  if (!scheduler_.WaitUntilIdle(deadline)) return late();
  auto failed = std::make_shared<std::atomic<std::int64_t>>(0);
  for (const EntryPtr& entry : table_.AllStreams()) {
    // A call that the deadline leaves behind runs, or is refused, at the end of the scheduler.
    scheduler_.Add(entry,
                   CallWork{CallWork::Need::kEntry,
                            [this, deadline, failed, entry](const absl::Status& ready) {
                              if (!ready.ok() || !keeper_.Changed(*entry)) return;
                              const bool in_time = absl::Now() < deadline;
                              if (!in_time || !keeper_.SnapshotNow(entry.get(), false).ok()) {
                                ++*failed;
                              }
                            }});
  }
  if (!scheduler_.WaitUntilIdle(deadline)) return late();
  syncer_.SyncNow();
  store_->Flush();
  if (*failed == 0) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(failed->load(),
                                          " streams could not be snapshotted; the "
                                          "journal holds them"));
}

absl::Status RuntimeImpl::Health() {
  if (!store_->headroom().Admits()) {
    return engine::Error(
        absl::StatusCode::kResourceExhausted, kDisk,
        absl::StrCat("the store's file system has ", store_->headroom().FreeBytes(),
                     " bytes free, below ", options_.min_free_bytes, " (min_free_bytes)"));
  }
  if (absl::Status device = engine::DeviceHealth(); !device.ok()) return device;
  std::int64_t quarantined = 0;
  std::string first;
  for (const EntryPtr& entry : table_.AllStreams()) {
    const std::lock_guard lock(entry->face_mutex);
    if (entry->face.damage.ok()) continue;
    if (quarantined++ == 0) first = entry->id;
  }
  if (quarantined == 0) return absl::OkStatus();
  return engine::Error(absl::StatusCode::kDataLoss, engine::kDamaged,
                       absl::StrCat(quarantined, " streams are quarantined, '", first,
                                    "' among them; roll back or delete them"));
}

}  // namespace millrace::server
