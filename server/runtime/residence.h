// Which streams are in memory: accounting, least recently used first out, idle ones out.
//
// Streams with private state leave memory through the store and come back on use; no stream is ever
// dropped. Where the limit is reached and nothing can go, MEMORY says so.
// Used by the thread that drives the scheduler alone, but for bytes().
#ifndef MILLRACE_SERVER_RUNTIME_RESIDENCE_H_
#define MILLRACE_SERVER_RUNTIME_RESIDENCE_H_

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/runtime/entry.h"
#include "server/runtime/keeper.h"
#include "server/store/environment.h"

namespace millrace::server {

class Residence {
 public:
  // limit_bytes 0: three quarters of the memory that the process may have.
  Residence(std::int64_t limit_bytes, absl::Duration idle, Keeper* keeper,
            Environment* environment);

  // Counts the entry as resident before it is loaded, paging others out to make room.
  absl::Status MakeRoom(const std::shared_ptr<Entry>& entry);
  // A turn of the entry begins: it is not idle.
  void Use(Entry* entry) const;
  // Counts what the entry takes now, as the one that was used last.
  void Count(const std::shared_ptr<Entry>& entry);
  // Is memory held by streams that cannot go now, but will when their turn is over?
  bool Held() const;
  // Pages out what was not used for the idle time, and what is above the limit.
  void Tidy();
  std::int64_t bytes() const { return bytes_; }
  std::int64_t limit_bytes() const { return limit_bytes_; }

 private:
  bool PageOutOne();
  bool PageOut(const std::shared_ptr<Entry>& entry);
  void Set(const std::shared_ptr<Entry>& entry, std::int64_t bytes);

  const std::int64_t limit_bytes_;
  const absl::Duration idle_;
  Keeper* const keeper_;
  Environment* const environment_;
  std::list<std::shared_ptr<Entry>> by_use_;  // least recently used first
  std::atomic<std::int64_t> bytes_ = 0;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_RUNTIME_RESIDENCE_H_
