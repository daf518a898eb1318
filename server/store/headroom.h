// Headroom: disk full is refused by counting, not by failing.
//
// Below `min_free_bytes` of free space the store takes no observations. A reserve file, allocated
// while there was room, is given up when the space is nearly gone, so that what is in memory can
// still be flushed and the drain still snapshots; it is taken again when space is back.
//
//   if (!headroom.Admits()) return DiskFull(headroom);
//
// Thread-safe. At most one statvfs a call.
#ifndef MILLRACE_SERVER_STORE_HEADROOM_H_
#define MILLRACE_SERVER_STORE_HEADROOM_H_

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "server/store/environment.h"

namespace millrace::server {

class Headroom {
 public:
  // The reserve is an eighth of min_free_bytes, at most 32 MiB; 0 for none of either.
  Headroom(std::string folder, std::int64_t min_free_bytes, Environment* environment);

  // Is there room? Gives up or takes back the reserve on the way.
  bool Admits();
  std::int64_t FreeBytes() const;
  std::int64_t min_free_bytes() const { return min_free_bytes_; }
  std::int64_t reserve_bytes() const { return reserve_bytes_; }
  bool holds_reserve() const { return held_; }

 private:
  void TakeReserve();

  const std::string folder_, reserve_path_;
  const std::int64_t min_free_bytes_, reserve_bytes_;
  Environment* const environment_;
  std::mutex mutex_;  // over the reserve file
  std::atomic<bool> held_ = false;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_STORE_HEADROOM_H_
