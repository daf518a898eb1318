// Variants of a stream: streams of their own that learn on another one's input, the tournament.
//
// What the parent's data plane does (observations, targets, settle, reset) happens to each of its
// variants too: their records go into the same write as the parent's, so that after a crash all
// stand at the same step, and are applied in their own turns right after. Administrative events of
// the parent (set, freeze, ...) are its own. A variant takes no events from anybody else, so it
// cannot fall out of step, and what its parent's check accepted fits it too: both have the same
// model, hence the same window.
// Promotion puts a variant's complete state in the parent's place, by one event.
// Thread-safe. Cost: for a stream without variants one atomic read a batch; with them a journal
// record and a step a variant.
#ifndef MILLRACE_SERVER_RUNTIME_VARIANTS_H_
#define MILLRACE_SERVER_RUNTIME_VARIANTS_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/event.h"
#include "millrace/v1/stream.pb.h"
#include "server/runtime.h"
#include "server/runtime/comparison.h"
#include "server/runtime/entry.h"
#include "server/runtime/keeper.h"
#include "server/runtime/requests.h"
#include "server/runtime/scheduler.h"
#include "server/runtime/syncer.h"
#include "server/runtime/turn.h"
#include "server/store/store.h"

namespace millrace::server {

inline constexpr std::size_t kMostVariants = 64;  // of a stream

class Variants {
 public:
  Variants(Store* store, Keeper* keeper, Syncer* syncer, Requests* requests,
           RuntimeObserver* observer);
  // Before the first turn.
  void Start(Scheduler* scheduler) { scheduler_ = scheduler; }

  // Where the comparison of a copy of `parent` begins, now.
  static store::v1::PairedLosses BeginningAt(const Entry& parent);
  // In the parent's turn, once the copy is written: it follows from the parent's next event on.
  void Add(const Entry& parent, const std::shared_ptr<Entry>& copy);
  // After recovery. One that does not stand where its parent does goes on without it.
  void Relink(const Entry& parent, const std::shared_ptr<Entry>& variant);
  // It follows no longer.
  void Remove(const Entry& variant);
  bool HasAny(const std::string& parent) const;
  // LIMIT, HAS_VARIANTS, ... : whether `parent` may get one more.
  absl::Status CheckRoom(const Entry& parent) const;

  // By whoever drives the scheduler: the records of the variants of what the turn journals, and
  // after the commit their share of the work.
  void Journal(const Turn& turn, Batch* batch);
  void HandOut();
  // In the parent's turn, after it has applied.
  void NoteParent(const Entry& parent);

  // Best first: by mean served loss.
  v1::ListVariantsResponse List(const Entry& parent) const;
  // In the parent's turn, with the parent in memory.
  absl::Status Promote(Entry* parent, const std::string& variant, const RequestKey& key);

 private:
  // Journalled for a variant, not applied yet.
  struct Share {
    std::shared_ptr<const store::v1::JournalRecord> record;  // the parent's
    std::uint64_t event = 0;                                 // the variant's number
  };
  struct Follower {
    Follower(std::shared_ptr<Entry> of, std::uint64_t at_event, Comparison compared)
        : entry(std::move(of)), journalled_event(at_event), comparison(std::move(compared)) {}
    const std::shared_ptr<Entry> entry;
    std::uint64_t epoch = 0;
    std::uint64_t journalled_event;      // the last one written
    std::vector<Share> fresh;            // of the batch under way
    std::atomic<bool> following = true;  // false: it fell out of step
    std::mutex mutex;                    // of what follows
    std::deque<Share> shares;
    Comparison comparison;
    Tally noted;                              // of the parent, when it was noted last
    std::uint64_t parent_promoted_event = 0;  // since when they are compared
    engine::Outcome outcome;                  // of its turns
  };
  using FollowerPtr = std::shared_ptr<Follower>;

  std::vector<FollowerPtr> Of(const std::string& parent) const;
  // In the variant's turn: some of its shares, or all.
  void ApplyShares(const FollowerPtr& follower, const absl::Status& ready, std::size_t most);
  absl::Status ApplyShare(Follower* follower, const Share& share);
  void KeepComparison(Follower* follower);
  // Its complete state as of now, in memory, numbered as the parent's next event.
  absl::StatusOr<engine::Snapshot> StateOf(const FollowerPtr& follower, const Entry& parent);
  void Link(const std::string& parent, const FollowerPtr& follower);

  Store* const store_;
  Keeper* const keeper_;
  Syncer* const syncer_;
  Requests* const requests_;
  RuntimeObserver* const observer_;
  Scheduler* scheduler_ = nullptr;

  std::atomic<bool> any_ = false;
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<FollowerPtr>> by_parent_;
  std::vector<FollowerPtr> handed_;  // those with fresh shares; of the driving thread
};

// The copy's first events: the settings in which it differs. Its numbering goes on from them.
absl::StatusOr<std::unique_ptr<engine::Stream>> CopyWith(
    const Entry& from, const std::string& id,
    const google::protobuf::RepeatedPtrField<v1::Setting>& settings);

// What a variant answers to whoever would write to it.
absl::Status IsVariant(const std::string& id, const std::string& parent);
absl::Status HasVariants(const std::string& id, absl::string_view act);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_RUNTIME_VARIANTS_H_
