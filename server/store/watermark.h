// The watermark: how far the write-ahead log was synced, in a file of its own beside it.
//
// Recovery of a damaged log stops at the damage without a word, synced records included. What was
// synced is therefore noted here after each sync: at open, a database that holds less than the
// watermark has lost acknowledged writes, and the store says so. The note trails the sync, so it
// can be too low (after power loss) but never too high: no false alarm.
//
// Two slots of 48 bytes are written in turn, each with a CRC; a torn one leaves the other.
// Thread-compatible.
#ifndef MILLRACE_SERVER_STORE_WATERMARK_H_
#define MILLRACE_SERVER_STORE_WATERMARK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/store/environment.h"

namespace millrace::server {

struct SyncedPoint {
  std::uint64_t sequence = 0;       // RocksDB's number of the last write that is surely synced
  std::uint64_t segment = 0;        // log file
  std::uint64_t segment_bytes = 0;  // its length then
};

class Watermark {
 public:
  // Opens or creates the file; synced() is what it said, zero where it is new or unreadable.
  static absl::StatusOr<std::unique_ptr<Watermark>> Open(const std::string& path,
                                                         Environment* environment);
  ~Watermark();
  Watermark(const Watermark&) = delete;
  Watermark& operator=(const Watermark&) = delete;

  const SyncedPoint& synced() const { return synced_; }
  // Notes the point; the note itself is synced at most once a second, or now.
  absl::Status Note(const SyncedPoint& point, bool now);

 private:
  Watermark(int file, Environment* environment) : file_(file), environment_(environment) {}

  const int file_;
  Environment* const environment_;
  SyncedPoint synced_;
  std::uint64_t turn_ = 0;  // of the newest slot
  absl::Duration last_sync_ = -absl::InfiniteDuration();
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_STORE_WATERMARK_H_
