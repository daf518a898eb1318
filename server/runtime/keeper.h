// Brings a stream into memory and writes it out: load, replay, snapshot, page out, and the numbers
// that others see.
//
// Load takes the newest snapshot that is whole, or the beginning, and repeats the journal from
// there: the same bits as without the interruption. What cannot be brought to the newest known
// event is quarantined: DATA_LOSS for this stream, nothing for the others.
// The caller holds the entry's turn_mutex. Thread-safe for different entries.
#ifndef MILLRACE_SERVER_RUNTIME_KEEPER_H_
#define MILLRACE_SERVER_RUNTIME_KEEPER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/event.h"
#include "engine/snapshot.h"
#include "engine/stream.h"
#include "server/runtime.h"
#include "server/runtime/entry.h"
#include "server/runtime/listeners.h"
#include "server/store/environment.h"
#include "server/store/store.h"

namespace millrace::server {

class Keeper {
 public:
  Keeper(const RuntimeOptions& options, Store* store, Listeners* listeners,
         RuntimeObserver* observer, Environment* environment);

  // Fills body.stream and the face. On DATA_LOSS the entry is quarantined.
  absl::Status Load(Entry* entry);
  // Numbers of a stream that needs no replay, without loading it; false where it needs one.
  absl::StatusOr<bool> Skim(Entry* entry);
  // A stream of a snapshot in the store, beside the entry's own.
  absl::StatusOr<std::unique_ptr<engine::Stream>> LoadSnapshot(
      const Entry& entry, const store::v1::SnapshotCommit& commit) const;

  // Writes a snapshot unless the newest is of this event already.
  absl::StatusOr<store::v1::SnapshotCommit> SnapshotNow(Entry* entry, bool requested);
  bool Changed(const Entry& entry) const;
  bool SnapshotDue(const Entry& entry) const;
  // Snapshots what changed and frees the memory.
  absl::Status PageOut(Entry* entry);
  // The commit record of the stream as it is, without the figures of its chunks.
  store::v1::SnapshotCommit CommitOf(const Entry& entry) const;

  // The face's numbers after the stream or the record changed; PublishNumbers where settings did
  // not.
  void Publish(Entry* entry) const;
  void PublishNumbers(Entry* entry) const;
  // Statistics as the wire has them; of a paged-out stream those of its snapshot.
  v1::StreamStats StatsOf(const Entry& entry) const;
  void Quarantine(Entry* entry, const absl::Status& damage) const;
  void PutRecord(const Entry& entry, Batch* batch) const;
  absl::Time Now() const { return environment_->Now(); }
  std::int64_t replayed_events() const { return replayed_events_; }

 private:
  using Commits = std::vector<store::v1::SnapshotCommit>;
  absl::Status LoadBase(Entry* entry, const Commits& commits);
  absl::Status Replay(Entry* entry, std::uint64_t epoch);
  absl::Status Repeat(Entry* entry, const store::v1::JournalRecord& record,
                      engine::Outcome* outcome) const;
  // The state of the variant that was promoted.
  absl::Status TakeOver(Entry* entry, const store::v1::JournalRecord& record) const;
  void NoteSnapshot(Entry* entry, std::uint64_t event) const;

  const RuntimeOptions& options_;
  Store* const store_;
  Listeners* const listeners_;
  RuntimeObserver* const observer_;
  Environment* const environment_;
  std::atomic<std::int64_t> replayed_events_ = 0;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_RUNTIME_KEEPER_H_
