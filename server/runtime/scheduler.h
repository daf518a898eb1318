// The scheduler: one thread that gives streams their turns, a batch at a time.
//
// A batch forms only while the one before runs, and never waits for more. Each stream has one turn
// a batch (about 1 ms at most), and those with more to do go to the end: fair between streams, and
// in order within one. A batch is prepared by the workers, journalled in one write, and applied by
// the workers; a batch of one is carried out by the scheduler's own thread. Thread-safe.
#ifndef MILLRACE_SERVER_RUNTIME_SCHEDULER_H_
#define MILLRACE_SERVER_RUNTIME_SCHEDULER_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "engine/workers.h"
#include "server/runtime.h"
#include "server/runtime/entry.h"
#include "server/runtime/residence.h"
#include "server/runtime/turn.h"

namespace millrace::server {

class Scheduler {
 public:
  Scheduler(int worker_threads, Turns* turns, Residence* residence, RuntimeObserver* observer);
  // Finishes what is journalled, refuses the rest with DRAINING.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Behind the work that the entry has already. The caller of the second form holds face_mutex.
  void Add(const std::shared_ptr<Entry>& entry, Work work);
  void AddLocked(const std::shared_ptr<Entry>& entry, Work work);
  // False where there was still work at the deadline.
  bool WaitUntilIdle(absl::Time deadline);
  std::int64_t queued() const { return queued_; }
  // For recovery, before any work is added.
  engine::Workers& workers() { return workers_; }

 private:
  using TurnList = std::vector<std::shared_ptr<Turn>>;
  void Loop();
  std::vector<std::shared_ptr<Entry>> NextBatch();
  TurnList TakeTurns(const std::vector<std::shared_ptr<Entry>>& entries);
  std::shared_ptr<Turn> TakeTurn(const std::shared_ptr<Entry>& entry);
  // False where the turn must wait until others have left memory.
  bool MakeRoom(Turn* turn);
  void ForEach(const TurnList& turns, const std::function<void(Turn*)>& call);
  void Conclude(TurnList turns);
  void GoOn(const std::shared_ptr<Entry>& entry);
  void RefuseAll();

  Turns* const turns_;
  Residence* const residence_;
  RuntimeObserver* const observer_;
  engine::Workers workers_;
  std::atomic<std::int64_t> queued_ = 0;

  std::mutex mutex_;
  std::condition_variable ready_or_stop_, idle_;
  std::deque<std::shared_ptr<Entry>> ready_;
  bool stop_ = false;
  std::thread thread_;  // last: it uses all the others
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_RUNTIME_SCHEDULER_H_
