// A stream: one persistent learner of a model.
//
//   auto model = Model::Create("bci", spec);
//   auto stream = Stream::Open(*model, "subject-1", {.seed = 7});
//   Observe step{.first_seq = (*stream)->applied_seq() + 1, .floats = x};
//   if (absl::Status s = (*stream)->Check(step); s.ok()) (*stream)->Apply(step, {}, &outcome);
//
// Check validates an event whole and changes nothing; Apply carries out an event that Check has
// accepted at this state, and cannot fail. The result is a function of the state and the events
// alone: not of the batch, of how steps were grouped into events, of threads or of time.
// Nothing is allocated by Apply after warm-up, but for growth of the outcome's buffers.
// Thread-compatible: one caller at a time.
#ifndef MILLRACE_ENGINE_STREAM_H_
#define MILLRACE_ENGINE_STREAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/event.h"
#include "engine/model.h"
#include "engine/parameters.h"
#include "engine/snapshot.h"
#include "engine/stats.h"

namespace millrace::engine {

class DeviceShare;

struct StreamOptions {
  std::uint64_t seed = 0;
  std::vector<NamedSetting> overrides = {};  // changeable settings: "optimizer.rate", ...
  bool weighed_only = false;                 // it takes no step, and needs no room on a device
};

// Bytes of a stream in memory, by what they are for.
struct StreamBytes {
  std::int64_t weights = 0, optimizer = 0, sensitivities = 0, contexts = 0;
  std::int64_t shadow = 0, good_copy = 0, window = 0;
  std::int64_t other = 0;  // hidden states, statistics, scratch
};

// Told when the learner takes a step and when it has; for who wants to know what learning costs
// apart from predicting.
class LearnerTimer {
 public:
  virtual ~LearnerTimer() = default;
  virtual void Begin() = 0;
  virtual void End() = 0;
};

// One step's prediction from the present state, which it leaves as it is.
struct Peek {
  absl::Span<const float> floats;            // [d], or empty
  absl::Span<const std::uint8_t> raw_bytes;  // [1], or empty; both empty: no input
};

class Stream {
 public:
  // A new stream: initial weights from the seed. INVALID_ARGUMENT for bad overrides.
  static absl::StatusOr<std::unique_ptr<Stream>> Open(std::shared_ptr<const Model> model,
                                                      std::string id, const StreamOptions& options);
  // The stream of a snapshot of the same model. DATA_LOSS where it does not fit.
  static absl::StatusOr<std::unique_ptr<Stream>> Load(std::shared_ptr<const Model> model,
                                                      std::string id, const Snapshot& snapshot);
  virtual ~Stream() = default;

  // Validates; changes nothing. For repeats see Changes.
  virtual absl::Status Check(const Event& event) const = 0;
  // False where applying the event would do nothing because all of it was applied before (a
  // repeated observation): it need not be journalled.
  virtual bool Changes(const Event& event) const = 0;
  virtual void Apply(const Event& event, const Want& want, Outcome* outcome) = 0;
  virtual absl::Status PeekStep(const Peek& peek, Outcome* outcome) const = 0;

  virtual Snapshot Save() const = 0;
  // SHA-256 in hex; each costs a pass over the state.
  std::string Digest() const { return SnapshotDigest(Save()); }
  std::string LearnerDigest() const { return SnapshotLearnerDigest(Save()); }
  virtual StreamStats Stats() const = 0;
  // The present settings of rates, decays and clips in which it differs from its model.
  virtual std::vector<NamedSetting> Overrides() const = 0;

  virtual const std::string& id() const = 0;
  virtual const Model& model() const = 0;
  virtual std::uint64_t seed() const = 0;
  virtual std::uint64_t event() const = 0;        // number of the last event
  virtual std::uint64_t applied_seq() const = 0;  // last step observed
  virtual std::uint64_t learned_seq() const = 0;  // last step closed and passed by the learner
  virtual bool frozen() const = 0;
  // Open steps whose targets are held, rising.
  virtual std::vector<std::uint64_t> HeldTargets() const = 0;
  // What computes it, as of its model.
  virtual std::string numeric_path() const = 0;
  // Recorded on another numeric path than this machine's.
  virtual bool resumed_inexactly() const = 0;
  virtual std::int64_t ResidentBytes() const = 0;
  virtual StreamBytes BytesByKind() const = 0;  // they add up to ResidentBytes
  // From now on; null: nobody is told, which is so at first and costs nothing.
  virtual void TimeLearner(LearnerTimer* timer) = 0;
  // Where each weight is in the snapshot's `learner.weights`; its size is p.
  virtual const ParameterLayout& Layout() const = 0;
  virtual std::int64_t WindowRowBytes() const = 0;  // of one open step
  // For engine/together.h. Null where no step is taken beside those of other streams.
  virtual DeviceShare* share() = 0;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_STREAM_H_
