// Memory of a device for streams: slots in slabs, zeroed on reuse, and who has one.
//
// A stream's state is on the device while it has a slot. Where memory has run out, the resident
// whose slot was used longest ago gives it up: its state goes to the host, and comes back when it
// is used next. From the host it goes to the store as any stream's does.
//
//   DeviceMemory::Pinned pinned = memory.Pin(&resident, bytes);   // fresh: the slot is all zero
//   ...launches on pinned.slot...
//   memory.Unpin(&resident);
//
// Thread-safe. Pin waits where every slot is in use; whoever holds one must not pin another.
#ifndef MILLRACE_ENGINE_DEVICE_MEMORY_H_
#define MILLRACE_ENGINE_DEVICE_MEMORY_H_

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/device/usage.h"
#include "kernels/device/backend.h"

namespace millrace::engine {

class DeviceMemory {
 public:
  // Whoever has a slot.
  class Resident {
   public:
    virtual ~Resident() = default;
    // The slot's state goes to the host; the slot is gone then. Called while nobody uses it.
    virtual absl::Status PageOut(void* slot) = 0;

   private:
    friend class DeviceMemory;
    void* slot_ = nullptr;
    std::int64_t bytes_ = 0;
    bool pinned_ = false;
    std::uint64_t used_ = 0;
  };

  struct Pinned {
    void* slot;
    bool fresh;  // it holds nothing of the resident's
  };

  // Blocks of memory for the rows of a launch and what they report, on the device and, of the same
  // size, on the host: pinned where the system gives such memory, else as `pinned` and usage() say.
  struct Staging {
    void* memory = nullptr;
    unsigned char* host = nullptr;
    std::int64_t bytes = 0;
    bool pinned = false;
  };

  // limit_bytes 0: nine tenths of the device's memory.
  DeviceMemory(std::unique_ptr<kernels::device::Backend> backend, std::int64_t limit_bytes);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  kernels::device::Backend& backend() { return *backend_; }
  std::string path() const { return backend_->path(); }

  // RESOURCE_EXHAUSTED where a slot of this size can never be had, whoever gives up his.
  absl::Status CheckFits(std::int64_t bytes, absl::string_view owner) const;

  absl::StatusOr<Pinned> Pin(Resident* resident, std::int64_t bytes);
  // The same if that needs no waiting for others; slot null if it does.
  absl::StatusOr<Pinned> TryPin(Resident* resident, std::int64_t bytes);
  // The slot as it is, or null; nobody takes it until Unpin.
  void* Hold(Resident* resident);
  void Unpin(Resident* resident);
  // Gives the slot back, its state being of no more use.
  void Release(Resident* resident);
  // As if memory had run out: the resident's state goes to the host. No-op without a slot.
  absl::Status Evict(Resident* resident);

  absl::StatusOr<Staging> LeaseStaging(std::int64_t bytes);
  void ReturnStaging(const Staging& staging);

  // From now on; as in the constructor. What is above it goes as slots are given back.
  void SetLimit(std::int64_t bytes);
  DeviceMemoryUsage usage() const;
  // What failed first; OK while nothing did.
  absl::Status health() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  // Slots of one size.
  struct Slab {
    std::vector<void*> free;
    std::int64_t slots = 0;
  };

  absl::StatusOr<Pinned> PinLocked(Resident* resident, std::int64_t bytes, bool wait, Lock* lock);
  // A slot from a slab, or null where memory has run out.
  absl::StatusOr<void*> TakeSlot(std::int64_t bytes);
  absl::StatusOr<void*> AddSlab(std::int64_t bytes);
  // The resident that was used longest ago and is not in use; null if all are.
  Resident* Oldest() const;
  absl::Status EvictLocked(Resident* resident, Lock* lock);
  void Drop(Resident* resident);
  // Slabs of other sizes none of whose slots is in use go back to the device.
  void FreeUnused(std::int64_t but);
  absl::StatusOr<Staging> MakeStaging(std::int64_t bytes);
  void FreeStaging(const Staging& staging);
  // Bytes that a slab of such slots may have: staging counts too, but a slot is always to be had.
  std::int64_t RoomFor(std::int64_t slot_bytes) const;
  absl::Status Note(absl::Status status);

  std::unique_ptr<kernels::device::Backend> backend_;
  std::int64_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::int64_t, Slab> slabs_;                 // by bytes of a slot
  std::map<std::int64_t, std::vector<void*>> chunks_;  // what the slabs are cut from
  std::set<Resident*> residents_;
  std::vector<Staging> staging_;
  std::int64_t allocated_ = 0, staged_ = 0, pinned_ = 0;
  std::uint64_t clock_ = 0, page_outs_ = 0, page_ins_ = 0;
  absl::Status health_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_DEVICE_MEMORY_H_
