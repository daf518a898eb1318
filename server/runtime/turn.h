// One turn of one stream: a piece of work from its queue, through check, journal and apply.
//
//   turns.Prepare(&turn);          // any thread: checks, decides what to journal
//   turns.Journal(batch_of_turns);  // one write for all of them
//   turns.Apply(&turn);            // any thread: about 1 ms of it; answers when finished()
//
// The journal write precedes the apply. A long observation is cut into pieces, events of their own
// that are journalled together and applied over several turns, so that one stream does not hold up
// the others. How it is cut depends on the model alone, never on time.
// Thread-safe for different turns; at most one turn of a stream at a time.
#ifndef MILLRACE_SERVER_RUNTIME_TURN_H_
#define MILLRACE_SERVER_RUNTIME_TURN_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "engine/event.h"
#include "engine/workers.h"
#include "server/convert/events.h"
#include "server/runtime.h"
#include "server/runtime/entry.h"
#include "server/runtime/keeper.h"
#include "server/runtime/syncer.h"
#include "server/store/records.pb.h"
#include "server/store/store.h"

namespace millrace::server {

class Variants;

struct Turn {
  std::shared_ptr<Entry> entry;
  Work work;
  absl::Status status;  // not OK: refused, nothing changes
  std::vector<store::v1::JournalRecord> pieces;
  std::vector<std::string> encoded;  // of the pieces; empty where nothing is journalled
  std::int64_t journal_bytes = 0;
  std::size_t applied_pieces = 0;
  std::uint64_t steps = 0;  // applied so far
  engine::Want want;
  engine::Outcome outcome;
  // The next piece was applied beside those of other streams.
  struct Ahead {
    std::uint64_t applied_seq;  // before it
    absl::Time begin;
    absl::Duration share;  // of the time that all of them took
  };
  std::optional<Ahead> ahead;
  v1::LearnPartReply reply;
  bool brief = false;          // nothing but the journal is written
  bool answers_later = false;  // not in Apply, and without a look whether a snapshot is due
  bool finished = false;
};

// Steps of one piece of a long observation; what has no more is answered within one turn.
std::uint64_t PieceSteps(const engine::Model& model);

// Is the part done in so little time that the thread which received it may do it? Alone: the turn
// before was its stream's too, and no other stream had one beside it.
bool IsShort(const engine::Model& model, const PartWork& part, bool alone);

// What the part takes, about.
std::uint64_t PartNs(const engine::Model& model, const PartWork& part);

// What Apply takes of a part that IsShort, about; 0 where it may take long.
std::uint64_t ShortNs(const Turn& turn);

// Does the work need the learner in memory?
bool NeedsStream(const Entry& entry, const Work& work);

class Turns {
 public:
  Turns(const RuntimeOptions& options, Store* store, Keeper* keeper, Syncer* syncer,
        RuntimeObserver* observer);

  // Variants hear of what is journalled and applied. Before the first turn.
  void FollowedBy(Variants* variants) { variants_ = variants; }

  // Loads the stream where it is needed and not there; the caller has made room.
  void Prepare(Turn* turn);
  void Journal(absl::Span<const std::shared_ptr<Turn>> turns);
  // Before Apply: the next pieces of streams on a device, in as few launches as can be.
  void ApplyAhead(absl::Span<const std::shared_ptr<Turn>> turns, engine::Workers* workers);
  void Apply(Turn* turn);
  // For a finished part that answers_later.
  void Answer(Turn* turn, bool more);
  bool SnapshotDue(const Entry& entry) const { return keeper_->SnapshotDue(entry); }
  // One that cannot be written is tried again. The caller holds turn_mutex.
  void SnapshotIfDue(Entry* entry);
  // Answers work that gets no turn.
  void Refuse(Entry* entry, Work* work, const absl::Status& status);

 private:
  absl::Status Ready(Entry* entry, const Work& work);
  // What is asked of a stream on a device that has failed is refused while it can be.
  static absl::Status CheckDevice(const Entry& entry);
  void PreparePart(Turn* turn, PartWork* part);
  absl::Status PrepareObserve(Turn* turn, v1::Observe* observe);
  absl::Status PrepareEvent(Turn* turn, store::v1::JournalRecord record);
  absl::Status CheckWriter(const Entry& entry, const v1::LearnPart& part) const;
  absl::Status CheckHeadroom() const;
  void Encode(Turn* turn);

  void ApplyPieces(Turn* turn);
  void Attach(Turn* turn, const v1::LearnPart& part);
  void FillReply(Turn* turn, PartWork* part);
  void Release(Entry* entry, const PartWork& part) const;
  void FillNumbers(const Entry& entry, v1::LearnPartReply* reply) const;

  const RuntimeOptions& options_;
  Store* const store_;
  Keeper* const keeper_;
  Syncer* const syncer_;
  RuntimeObserver* const observer_;
  Variants* variants_ = nullptr;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_RUNTIME_TURN_H_
