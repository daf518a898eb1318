// One stream in the runtime: its queue of work, its face (what others may see of it), and the
// learner itself while it is in memory.
//
// Two locks, taken in this order. `turn_mutex` is held by whoever uses the learner: the turn, or
// a reader of statistics. `face_mutex` is held for moments, to queue work or to read the numbers.
#ifndef MILLRACE_SERVER_RUNTIME_ENTRY_H_
#define MILLRACE_SERVER_RUNTIME_ENTRY_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "engine/model.h"
#include "engine/stream.h"
#include "millrace/v1/stats.pb.h"
#include "server/runtime.h"
#include "server/store/database.h"
#include "server/store/records.pb.h"

namespace millrace::server {

// A part of the data plane.
struct PartWork {
  PartTask task;
  absl::Status refused;                // decided at Submit; answered in order all the same
  std::uint64_t steps = 0, bytes = 0;  // counted against the window
  absl::Time accepted;
};

// An event of administration: freeze, set, ... Journalled and applied as a part is.
struct EventWork {
  store::v1::JournalRecord record;           // with its body; the number comes with the turn
  std::function<void(Batch*)> with_journal;  // what belongs into the same batch; may be null
  std::function<void(const absl::Status&)> done;
};

// Anything else that must wait its turn. `ready` is not OK where the stream cannot be had.
struct CallWork {
  enum class Need { kEntry, kStats, kStream };
  Need need = Need::kEntry;
  std::function<void(const absl::Status& ready)> run;
};

using Work = std::variant<PartWork, EventWork, CallWork>;

struct Turn;

struct Entry {
  Entry(std::string stream_id, std::shared_ptr<const engine::Model> stream_model)
      : id(std::move(stream_id)), model(std::move(stream_model)) {}
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  const std::string id;
  const std::shared_ptr<const engine::Model> model;

  // What others see. Behind face_mutex.
  struct Face {
    std::uint64_t epoch = 1, event = 0, applied_seq = 0, learned_seq = 0, durable_seq = 0;
    bool frozen = false, closed = false, deleted = false, resumed_inexactly = false;
    absl::Status damage;              // not OK: quarantined
    std::uint64_t lost_seq = 0;       // not 0: no events until the loss is accepted
    std::uint64_t writer_token = 0;   // 0: nobody is attached
    std::int64_t resident_bytes = 0;  // 0: paged out
    std::uint64_t seed = 0;
    std::string variant_of;  // the stream whose input it learns on
    std::vector<v1::Setting> overrides;
    google::protobuf::Timestamp create_time;
    // Of a stream that is paged out.
    std::optional<v1::StreamStats> idle_stats;
    bool sync_pending = false;  // waits in the syncer

    std::deque<Work> queue;
    bool scheduled = false;
    std::uint64_t unanswered_steps = 0, unanswered_bytes = 0;
  };
  mutable std::mutex face_mutex;
  Face face;

  // The learner and what goes with it. Behind turn_mutex.
  struct Body {
    std::unique_ptr<engine::Stream> stream;  // null: paged out
    store::v1::StreamRecord record;
    // The newest good snapshot: nothing needs to be written where the event has not moved.
    std::uint64_t base_event = 0;
    bool has_base = false;
    std::int64_t journal_bytes = 0;  // since then
    std::uint64_t steps = 0;         // since then
    std::uint64_t timed_turns = 0;   // since the process started; one in some is timed
    bool damaged_base = false;       // newer snapshots than the base are there but damaged
  };
  std::mutex turn_mutex;
  Body body;

  // Of the thread that drives the scheduler, alone.
  struct Place {
    std::shared_ptr<Turn> unfinished;  // a part that is applied over several turns
    bool in_batch = false;
    std::int64_t counted_bytes = 0;
    absl::Duration last_use;
    std::list<std::shared_ptr<Entry>>::iterator at;  // valid while counted_bytes > 0
  };
  Place place;
};

inline engine::Durability DurabilityOf(const Entry& entry) {
  return entry.model->spec().durability;
}

// The wire's record of the stream, without digests.
v1::Stream FaceToWire(const Entry& entry);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_RUNTIME_ENTRY_H_
