#include "engine/device/memory.h"

#include <algorithm>
#include <new>
#include <utility>

#include "absl/strings/str_format.h"
#include "engine/check.h"
#include "engine/device/status.h"
#include "engine/errors.h"

namespace millrace::engine {
namespace {

// A slab has as many slots as fit in this, and at least one.
constexpr std::int64_t kSlabBytes = std::int64_t{64} << 20;
constexpr std::int64_t kLeastStaging = 1 << 16;
constexpr std::align_val_t kHostAlignment{64};

std::int64_t SlotsOf(std::int64_t bytes, std::int64_t room) {
  return std::max<std::int64_t>(1, std::min(kSlabBytes, room) / bytes);
}

}  // namespace

DeviceMemory::DeviceMemory(std::unique_ptr<kernels::device::Backend> backend,
                           std::int64_t limit_bytes)
    : backend_(std::move(backend)),
      limit_(limit_bytes > 0 ? limit_bytes : backend_->memory_bytes() / 10 * 9) {}

DeviceMemory::~DeviceMemory() {
  for (const auto& chunks : chunks_) {
    for (void* const chunk : chunks.second) backend_->Free(chunk);
  }
  for (const Staging& staging : staging_) FreeStaging(staging);
}

absl::Status DeviceMemory::CheckFits(std::int64_t bytes, absl::string_view owner) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (bytes <= limit_) return absl::OkStatus();
  return Error(
      absl::StatusCode::kResourceExhausted, kDeviceMemory,
      absl::StrFormat("%s needs %d bytes of device memory; the device lends streams %d; use fewer "
                      "units or a rule that keeps less, or raise the limit",
                      owner, bytes, limit_));
}

absl::Status DeviceMemory::Note(absl::Status status) {
  if (absl::IsUnavailable(status) && health_.ok()) health_ = status;
  return status;
}

absl::Status DeviceMemory::health() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!health_.ok() || backend_->healthy()) return health_;
  return Error(absl::StatusCode::kUnavailable, kDeviceFailed,
               "the device has failed; restart the server: what was acknowledged is in its store");
}

absl::StatusOr<DeviceMemory::Pinned> DeviceMemory::Pin(Resident* resident, std::int64_t bytes) {
  Lock lock(mutex_);
  return PinLocked(resident, bytes, true, &lock);
}

absl::StatusOr<DeviceMemory::Pinned> DeviceMemory::TryPin(Resident* resident, std::int64_t bytes) {
  Lock lock(mutex_);
  return PinLocked(resident, bytes, false, &lock);
}

void* DeviceMemory::Hold(Resident* resident) {
  Lock lock(mutex_);
  changed_.wait(lock, [&] { return !resident->pinned_; });
  resident->pinned_ = true;
  return resident->slot_;
}

absl::StatusOr<DeviceMemory::Pinned> DeviceMemory::PinLocked(Resident* resident, std::int64_t bytes,
                                                             bool wait, Lock* lock) {
  // Another thread may be paging it out.
  changed_.wait(*lock, [&] { return !resident->pinned_; });
  bool fresh = false;
  while (resident->slot_ == nullptr) {
    absl::StatusOr<void*> slot = TakeSlot(bytes);
    if (!slot.ok()) return Note(slot.status());
    if (*slot != nullptr) {
      resident->slot_ = *slot;
      resident->bytes_ = bytes;
      residents_.insert(resident);
      absl::Status zeroed = Note(StatusOf(backend_->Zero(*slot, bytes)));
      if (!zeroed.ok()) return zeroed;
      fresh = true;
      ++page_ins_;
    } else if (Resident* const oldest = Oldest(); oldest != nullptr) {
      absl::Status evicted = EvictLocked(oldest, lock);
      if (!evicted.ok()) return evicted;
    } else if (wait) {
      changed_.wait(*lock);
    } else {
      return Pinned{nullptr, false};
    }
  }
  resident->pinned_ = true;
  resident->used_ = ++clock_;
  return Pinned{resident->slot_, fresh};
}

absl::StatusOr<void*> DeviceMemory::TakeSlot(std::int64_t bytes) {
  std::vector<void*>& free = slabs_[bytes].free;
  if (free.empty()) return AddSlab(bytes);
  void* const slot = free.back();
  free.pop_back();
  return slot;
}

absl::StatusOr<void*> DeviceMemory::AddSlab(std::int64_t bytes) {
  if (bytes > RoomFor(bytes)) FreeUnused(bytes);
  std::int64_t slots = SlotsOf(bytes, RoomFor(bytes));
  void* memory = nullptr;
  while (memory == nullptr) {
    if (slots * bytes > RoomFor(bytes)) return nullptr;
    const kernels::device::Outcome outcome = backend_->Allocate(slots * bytes, &memory);
    if (outcome.ok()) break;
    if (outcome.code != kernels::device::Outcome::Code::kNoMemory) return StatusOf(outcome);
    // The device has less than it lends: some of it is somebody else's.
    if (slots == 1) {
      if (residents_.empty()) return StatusOf(outcome);
      return nullptr;
    }
    slots = std::max<std::int64_t>(1, slots / 4);
  }
  allocated_ += slots * bytes;
  chunks_[bytes].push_back(memory);
  Slab& slab = slabs_[bytes];
  slab.slots += slots;
  for (std::int64_t i = slots - 1; i > 0; --i) {
    slab.free.push_back(static_cast<unsigned char*>(memory) + i * bytes);
  }
  return memory;
}

void DeviceMemory::FreeUnused(std::int64_t but) {
  for (auto& [bytes, slab] : slabs_) {
    if (bytes == but || slab.slots == 0) continue;
    if (slab.slots != static_cast<std::int64_t>(slab.free.size())) continue;
    for (void* const chunk : chunks_[bytes]) backend_->Free(chunk);
    allocated_ -= slab.slots * bytes;
    chunks_[bytes].clear();
    slab = {};
  }
}

DeviceMemory::Resident* DeviceMemory::Oldest() const {
  Resident* oldest = nullptr;
  for (Resident* const resident : residents_) {
    if (resident->pinned_) continue;
    if (oldest == nullptr || resident->used_ < oldest->used_) oldest = resident;
  }
  return oldest;
}

void DeviceMemory::Drop(Resident* resident) {
  slabs_[resident->bytes_].free.push_back(resident->slot_);
  resident->slot_ = nullptr;
  residents_.erase(resident);
}

absl::Status DeviceMemory::EvictLocked(Resident* resident, Lock* lock) {
  resident->pinned_ = true;
  lock->unlock();
  absl::Status status = resident->PageOut(resident->slot_);
  lock->lock();
  resident->pinned_ = false;
  if (status.ok()) {
    Drop(resident);
    ++page_outs_;
  }
  changed_.notify_all();
  return Note(status);
}

absl::Status DeviceMemory::Evict(Resident* resident) {
  Lock lock(mutex_);
  changed_.wait(lock, [&] { return !resident->pinned_; });
  if (resident->slot_ == nullptr) return absl::OkStatus();
  return EvictLocked(resident, &lock);
}

void DeviceMemory::Unpin(Resident* resident) {
  const std::lock_guard<std::mutex> lock(mutex_);
  MILLRACE_CHECK(resident->pinned_);
  resident->pinned_ = false;
  changed_.notify_all();
}

void DeviceMemory::Release(Resident* resident) {
  Lock lock(mutex_);
  changed_.wait(lock, [&] { return !resident->pinned_; });
  if (resident->slot_ != nullptr) Drop(resident);
  changed_.notify_all();
}

absl::StatusOr<DeviceMemory::Staging> DeviceMemory::LeaseStaging(std::int64_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (Staging& staging : staging_) {
    if (staging.bytes < bytes) continue;
    std::swap(staging, staging_.back());
    const Staging lent = staging_.back();
    staging_.pop_back();
    return lent;
  }
  // Room to grow, and then one that is too small is given up.
  if (!staging_.empty()) {
    FreeStaging(staging_.back());
    staging_.pop_back();
  }
  return MakeStaging(std::max(kLeastStaging, 2 * bytes));
}

absl::StatusOr<DeviceMemory::Staging> DeviceMemory::MakeStaging(std::int64_t bytes) {
  Staging staging{.bytes = bytes};
  absl::Status status = Note(StatusOf(backend_->Allocate(bytes, &staging.memory)));
  if (!status.ok()) return status;
  staged_ += bytes;
  void* host = nullptr;
  const kernels::device::Outcome pinned = backend_->AllocateHost(bytes, &host);
  staging.pinned = pinned.ok();
  if (pinned.ok()) {
    pinned_ += bytes;
  } else if (pinned.code == kernels::device::Outcome::Code::kNoMemory) {
    host = ::operator new(static_cast<std::size_t>(bytes), kHostAlignment);
  } else {
    FreeStaging(staging);
    return Note(StatusOf(pinned));
  }
  staging.host = static_cast<unsigned char*>(host);
  return staging;
}

void DeviceMemory::FreeStaging(const Staging& staging) {
  backend_->Free(staging.memory);
  staged_ -= staging.bytes;
  if (staging.host == nullptr) return;
  if (staging.pinned) {
    pinned_ -= staging.bytes;
    return backend_->FreeHost(staging.host);
  }
  ::operator delete(staging.host, kHostAlignment);
}

std::int64_t DeviceMemory::RoomFor(std::int64_t slot_bytes) const {
  return std::max(limit_ - staged_, std::min(slot_bytes, limit_)) - allocated_;
}

void DeviceMemory::ReturnStaging(const Staging& staging) {
  const std::lock_guard<std::mutex> lock(mutex_);
  staging_.push_back(staging);
}

void DeviceMemory::SetLimit(std::int64_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  limit_ = bytes > 0 ? bytes : backend_->memory_bytes() / 10 * 9;
}

DeviceMemoryUsage DeviceMemory::usage() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  DeviceMemoryUsage usage{.limit_bytes = limit_,
                          .staging_bytes = staged_,
                          .pinned_bytes = pinned_,
                          .unpinned_bytes = staged_ - pinned_,
                          .residents = static_cast<std::int64_t>(residents_.size()),
                          .page_outs = page_outs_,
                          .page_ins = page_ins_};
  for (const Resident* const resident : residents_) usage.slot_bytes += resident->bytes_;
  usage.free_bytes = allocated_ - usage.slot_bytes;
  return usage;
}

}  // namespace millrace::engine
