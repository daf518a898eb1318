// The runtime: models and streams over a store, without a transport.
//
// Everything the services do is a call here; a handler is about ten lines around one. The runtime
// owns the store, the stream table, the scheduler and its threads. It keeps the promises of
// durability: the journal write precedes the apply; what is acknowledged is never lost.
//
//   auto runtime = Runtime::Open(options, observer);
//   (*runtime)->Submit(std::move(task));        // data plane, answers through task.done
//   (*runtime)->Drain(deadline);                // answer what is queued, snapshot all, flush
//
// Thread-safe. Administrative calls of a stream are events in its order: they wait for the parts
// submitted before them.
#ifndef MILLRACE_SERVER_RUNTIME_H_
#define MILLRACE_SERVER_RUNTIME_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/device/usage.h"
#include "engine/stats.h"
#include "engine/stream.h"
#include "google/rpc/status.pb.h"
#include "millrace/v1/learn.pb.h"
#include "millrace/v1/model.pb.h"
#include "millrace/v1/stream.pb.h"

namespace millrace::server {

class Environment;

struct RuntimeOptions {
  std::string store_path;
  int worker_threads = 0;               // 0: by the machine
  std::int64_t memory_limit_bytes = 0;  // of resident streams; 0: see memory_limit.h
  std::int64_t device_memory_limit_bytes =
      0;  // of streams on a device; 0: nine tenths of what it has
  std::int64_t max_streams = 100000;
  std::int64_t max_models = 1000;
  std::uint32_t window_steps = 4096;  // unanswered steps a stream and call
  std::uint32_t window_bytes = 4 << 20;
  std::int64_t min_free_bytes = 256 << 20;         // of the store's file system
  std::int64_t snapshot_journal_bytes = 64 << 20;  // a stream is snapshotted after so much journal
  std::uint64_t snapshot_steps = 100000;           // or so many steps
  absl::Duration idle_page_out = absl::Minutes(10);
  absl::Duration sync_interval = absl::Milliseconds(5);  // group commit of SYNC
  // Clocks and free space; null: the machine's own. Must outlive the runtime.
  Environment* environment = nullptr;
};

// Told of what happens, for metrics and tests. Called from the runtime's threads; must not block.
class RuntimeObserver {
 public:
  virtual ~RuntimeObserver() = default;
  virtual void OnApplied(const std::string& /*model*/, std::uint64_t /*steps*/,
                         double /*apply_s*/) {}
  // A part's steps begin to be applied so long after it was accepted.
  virtual void OnBegun(double /*wait_s*/) {}
  // Now and then, of the steps of one part: the time to apply them, and what of it was learning.
  virtual void OnLearnerTimed(const std::string& /*model*/, std::uint64_t /*steps*/,
                              double /*apply_s*/, double /*learner_s*/) {}
  // `model` is empty where the part names no stream that is here.
  virtual void OnPartRefused(const std::string& /*model*/, const std::string& /*reason*/) {}
  virtual void OnJournal(std::int64_t /*bytes*/, double /*write_s*/) {}
  virtual void OnSync(double /*sync_s*/) {}
  virtual void OnSnapshot(const std::string& /*model*/, std::int64_t /*bytes*/,
                          double /*write_s*/) {}
  virtual void OnBatch(std::int64_t /*streams*/, std::int64_t /*steps*/) {}
  virtual void OnResumed(std::int64_t /*streams*/, std::int64_t /*replayed_events*/,
                         double /*wall_s*/) {}
};

// One part of a Learn call on its way. The reply arrives once, on a runtime thread or on one that
// calls Begin; `done` must not block. Parts of one stream are answered in the order of Submit.
struct PartTask {
  v1::LearnPart part;
  std::string principal;
  // Still wanted? Asked before the journal write only; null means yes.
  std::function<bool()> wanted;
  // `more`: the reply to another part of this call follows at once, from the same thread.
  std::function<void(v1::LearnPartReply, bool more)> done;
  const void* call = nullptr;  // of which it is, to be compared only; null: of none
};

// Figures for metrics, gathered on scrape.
struct ModelFigures {
  std::string model;
  std::int64_t streams = 0, resident = 0, frozen = 0, quarantined = 0, resumed_inexactly = 0;
  std::int64_t serving_shadow = 0;
  std::uint64_t steps = 0, updates = 0, clipped_updates = 0, divergences = 0, restores = 0;
  std::uint64_t shifts = 0;
  // Updates that were not done, by why.
  std::uint64_t refused_updates = 0, untargeted_steps = 0, unlearned_targets = 0;
  std::uint64_t undurable_steps = 0;  // applied, and not yet covered by the model's durability
  // Means over streams that have the figure, and how many have it.
  double live_loss = 0, shadow_loss = 0, gain = 0, recovery = 0;
  std::int64_t with_live_loss = 0, with_shadow_loss = 0, with_recovery = 0;
};
struct RuntimeFigures {
  std::vector<ModelFigures> models;
  engine::StreamBytes memory;  // of the streams in memory, by kind
  engine::DeviceMemoryUsage device;
  std::int64_t snapshot_bytes = 0;
  std::uint64_t lost_writes = 0;  // once synced, and not found when the store was opened
  std::int64_t resident_bytes = 0, memory_limit_bytes = 0;
  std::int64_t journal_bytes = 0, queued_parts = 0, free_bytes = 0;
};

class Runtime {
 public:
  // Opens the store, recovers every stream (snapshot, then journal), starts the threads.
  static absl::StatusOr<std::unique_ptr<Runtime>> Open(const RuntimeOptions& options,
                                                       RuntimeObserver* observer);
  virtual ~Runtime() = default;

  // Models.
  virtual absl::StatusOr<v1::Model> CreateModel(const v1::CreateModelRequest& request) = 0;
  virtual absl::StatusOr<v1::Model> GetModel(const std::string& name) = 0;
  virtual absl::StatusOr<v1::ListModelsResponse> ListModels(const v1::ListModelsRequest&) = 0;
  virtual absl::Status DeleteModel(const v1::DeleteModelRequest& request) = 0;
  virtual absl::StatusOr<v1::DescribePartsResponse> DescribeParts(
      const v1::DescribePartsRequest& request) = 0;

  // Streams. As the services of the same names.
  virtual absl::StatusOr<v1::OpenStreamResponse> OpenStream(const v1::OpenStreamRequest&) = 0;
  virtual absl::StatusOr<v1::Stream> GetStream(const v1::GetStreamRequest&) = 0;
  virtual absl::StatusOr<v1::ListStreamsResponse> ListStreams(const v1::ListStreamsRequest&) = 0;
  virtual absl::StatusOr<v1::Stream> CloseStream(const v1::CloseStreamRequest&) = 0;
  virtual absl::Status DeleteStream(const v1::DeleteStreamRequest&) = 0;
  virtual absl::StatusOr<v1::Stream> ForkStream(const v1::ForkStreamRequest&) = 0;
  virtual absl::StatusOr<v1::ListVariantsResponse> ListVariants(const v1::ListVariantsRequest&) = 0;
  virtual absl::StatusOr<v1::Stream> PromoteVariant(const v1::PromoteVariantRequest&) = 0;
  virtual absl::StatusOr<v1::Stream> FreezeStream(const v1::FreezeStreamRequest&) = 0;
  virtual absl::StatusOr<v1::Stream> UnfreezeStream(const v1::UnfreezeStreamRequest&) = 0;
  virtual absl::StatusOr<v1::Stream> ResetStream(const v1::ResetStreamRequest&) = 0;
  virtual absl::StatusOr<v1::Stream> SettleStream(const v1::SettleStreamRequest&) = 0;
  virtual absl::StatusOr<v1::Stream> SetStream(const v1::SetStreamRequest&) = 0;
  virtual absl::StatusOr<v1::Stream> TakeShadow(const v1::TakeShadowRequest&) = 0;
  virtual absl::StatusOr<v1::Stream> RestoreStream(const v1::RestoreStreamRequest&) = 0;
  virtual absl::StatusOr<v1::Snapshot> SnapshotStream(const v1::SnapshotStreamRequest&) = 0;
  virtual absl::StatusOr<v1::ListSnapshotsResponse> ListSnapshots(
      const v1::ListSnapshotsRequest&) = 0;
  virtual absl::StatusOr<v1::Stream> RollbackStream(const v1::RollbackStreamRequest&) = 0;
  virtual absl::StatusOr<v1::Stream> AcceptLoss(const v1::AcceptLossRequest&) = 0;
  virtual absl::StatusOr<v1::StreamStats> GetStats(const std::string& stream) = 0;
  // The same without waiting for the parts before it: as the stream stands now. For metrics.
  virtual absl::StatusOr<v1::StreamStats> StatsNow(const std::string& stream) = 0;

  // Data plane.
  virtual void Submit(PartTask task) = 0;
  // As Submit, but the runtime's threads are not woken: Begin must follow. Begin carries out one
  // short part of an idle stream itself where nothing else is under way, which saves a round trip
  // two changes of thread, and wakes a thread of the runtime in every other case. Of several
  // threads in Begin at most one is ever kept there (about 0.1 ms, 0.5 ms while one stream alone
  // sends, and the journal's write).
  virtual void Queue(PartTask task) { Submit(std::move(task)); }
  virtual void Begin() {}
  virtual absl::StatusOr<v1::PeekResponse> Peek(const v1::PeekRequest& request) = 0;
  // Called on a runtime thread whenever durable_seq of an attached stream has moved without a
  // reply that says so; one listener a call, keyed by writer token. Removed by the same key.
  using DurableListener = std::function<void(const std::string& stream, std::uint64_t epoch,
                                             std::uint64_t durable_seq)>;
  virtual void Listen(std::uint64_t writer_token, DurableListener listener) = 0;
  virtual void StopListening(std::uint64_t writer_token) = 0;

  // Figures of all streams; `each`, where it is not null, is told the statistics they come from.
  using EachStats = std::function<void(const std::string& model, const v1::StreamStats& stats)>;
  virtual RuntimeFigures Figures(const EachStats& each) = 0;
  RuntimeFigures Figures() { return Figures(nullptr); }
  // Not OK while the store is out of space, a device has failed or quarantined streams exist; for
  // health and the log.
  virtual absl::Status Health() = 0;

  // Refuses new parts with UNAVAILABLE (DRAINING), answers those queued, snapshots every changed
  // stream, flushes. Past the deadline it stops where it is: the journal holds the rest.
  virtual absl::Status Drain(absl::Time deadline) = 0;
};

// absl::Status as google.rpc.Status with ErrorInfo (reason, domain "millrace", metadata). Sentences
// longer than 2048 characters are cut.
google::rpc::Status ToRpcStatus(const absl::Status& status);

// The reasons of the server's own errors (those of the engine: engine/errors.h).
inline constexpr char kBadName[] = "BAD_NAME";
inline constexpr char kBadPart[] = "BAD_PART";
inline constexpr char kExists[] = "EXISTS";
inline constexpr char kRequestConflict[] = "REQUEST_CONFLICT";
inline constexpr char kFenced[] = "FENCED";
inline constexpr char kStaleEpoch[] = "STALE_EPOCH";
inline constexpr char kNotAttached[] = "NOT_ATTACHED";
inline constexpr char kStreamClosed[] = "STREAM_CLOSED";
inline constexpr char kHasStreams[] = "HAS_STREAMS";
inline constexpr char kWindow[] = "WINDOW";
inline constexpr char kMemory[] = "MEMORY";
inline constexpr char kDisk[] = "DISK";
inline constexpr char kLimit[] = "LIMIT";
inline constexpr char kNoModel[] = "NO_MODEL";
inline constexpr char kNoStream[] = "NO_STREAM";
inline constexpr char kNoVariant[] = "NO_VARIANT";
inline constexpr char kIsVariant[] = "IS_VARIANT";
inline constexpr char kHasVariants[] = "HAS_VARIANTS";
inline constexpr char kNoSnapshot[] = "NO_SNAPSHOT";
inline constexpr char kLostSteps[] = "LOST_STEPS";
inline constexpr char kDraining[] = "DRAINING";
inline constexpr char kNotAllowed[] = "NOT_ALLOWED";

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_RUNTIME_H_
