// The scheduler: gives streams their turns, a batch at a time.
//
// One thread at a time drives: it alone forms a batch and carries it out, and what is said to be
// the driver's (Entry::Place, Residence) is seen by no other. Most batches are driven by the
// scheduler's own thread. A thread that brings work may drive a batch itself, in Begin: where
// nobody drives, where one stream alone has work, and where that is a part short enough for a turn;
// after it the parts behind it, as long as they are short together.
// A batch forms only while the one before runs, and never waits for more. Each stream has one turn
// a batch (about 1 ms at most), and those with more to do go to the end: fair between streams, and
// in order within one. A batch is prepared by the workers, journalled in one write, and applied by
// the workers; a batch of one is carried out by the driver. Thread-safe.
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

  // Behind the work that the entry has already.
  void Add(const std::shared_ptr<Entry>& entry, Work work);
  // The same without waking a thread: Wake or Begin follows. The caller holds face_mutex.
  void QueueLocked(const std::shared_ptr<Entry>& entry, Work work);
  void Wake();
  // Drives on this thread where it may, else wakes the scheduler's.
  void Begin();
  // False where there was still work at the deadline.
  bool WaitUntilIdle(absl::Time deadline);
  std::int64_t queued() const { return queued_; }
  // For recovery, before any work is added.
  engine::Workers& workers() { return workers_; }

 private:
  using TurnList = std::vector<std::shared_ptr<Turn>>;
  using Entries = std::vector<std::shared_ptr<Entry>>;
  void Loop();
  // Waits for work, or for the time to look for idle streams, and begins to drive; false at the
  // end.
  bool NextBatch(Entries* entries);
  // Brief: a snapshot that is due is left for later.
  void Drive(const Entries& entries, bool brief);
  void EndDriving();
  // The one stream with work, if it may be driven in Begin; null where somebody else must.
  std::shared_ptr<Entry> TakeLone();
  // Takes it again where it has more to do and nobody else has.
  bool LoneGoesOn(const std::shared_ptr<Entry>& lone);
  // What its next part takes, about; 0 where that is not for Begin.
  std::uint64_t NsHere(const Entry& entry, bool alone) const;
  TurnList TakeTurns(const Entries& entries);
  std::shared_ptr<Turn> TakeTurn(const std::shared_ptr<Entry>& entry);
  // False where the turn must wait until others have left memory.
  bool MakeRoom(Turn* turn);
  void ForEach(const TurnList& turns, const std::function<void(Turn*)>& call);
  // Short parts are answered when some 0.3 ms of them are done, those of one call together, so that
  // it is written to once; what takes longer is answered as each is done.
  void ApplyAll(const TurnList& turns);
  void ApplyTogether(const TurnList& turns);
  void Conclude(TurnList turns);
  void GoOn(const std::shared_ptr<Entry>& entry);
  void RefuseAll();

  Turns* const turns_;
  Residence* const residence_;
  RuntimeObserver* const observer_;
  engine::Workers workers_;
  std::atomic<std::int64_t> queued_ = 0;
  // The stream of the last batch, where it had but one; to be compared only. The driver's.
  const Entry* last_alone_ = nullptr;

  std::mutex mutex_;
  std::condition_variable ready_or_stop_, idle_;
  std::deque<std::shared_ptr<Entry>> ready_;
  bool stop_ = false;
  bool driving_ = false;     // somebody drives
  bool looks_idle_ = false;  // the scheduler's thread waits to drive, with or without work
  std::thread thread_;       // last: it uses all the others
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_RUNTIME_SCHEDULER_H_
