// Group commit: one thread syncs the write-ahead log for all streams of SYNC durability at once.
//
// A stream is marked once its write is committed and applied; the next sync covers it, and only
// then does its durable_seq move. Syncs are at least `interval` apart while there is something to
// sync. Thread-safe.
#ifndef MILLRACE_SERVER_RUNTIME_SYNCER_H_
#define MILLRACE_SERVER_RUNTIME_SYNCER_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "server/runtime.h"
#include "server/runtime/entry.h"
#include "server/runtime/listeners.h"
#include "server/store/store.h"

namespace millrace::server {

class Syncer {
 public:
  Syncer(Store* store, Listeners* listeners, RuntimeObserver* observer, absl::Duration interval);
  // Syncs what is marked, then ends.
  ~Syncer();
  Syncer(const Syncer&) = delete;
  Syncer& operator=(const Syncer&) = delete;

  void Mark(const std::shared_ptr<Entry>& entry);
  // Everything marked before the call is durable after it.
  void SyncNow();

 private:
  void Loop();
  void SyncMarked();

  Store* const store_;
  Listeners* const listeners_;
  RuntimeObserver* const observer_;
  const absl::Duration interval_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::shared_ptr<Entry>> marked_;
  bool stop_ = false;
  std::mutex sync_mutex_;  // one sync at a time, so that SyncNow waits for one under way
  std::thread thread_;     // last: it uses all the others
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_RUNTIME_SYNCER_H_
