// A runtime without store or learner, for tests of what stands above: it numbers steps, gives out
// writer tokens, and answers when the test says so.
//
//   fake->Stall("slow");       // parts of this stream are kept
//   fake->Release("slow");     // ... and answered now, in order; no longer kept
//
// Thread-safe.
#ifndef MILLRACE_TESTS_SERVER_SERVICES_FAKE_RUNTIME_H_
#define MILLRACE_TESTS_SERVER_SERVICES_FAKE_RUNTIME_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/runtime.h"

namespace millrace::server {

class FakeRuntime final : public Runtime {
 public:
  // Outputs of one step in a reply.
  int outputs_per_step = 1;
  RuntimeFigures figures;
  absl::Status health;

  void Stall(const std::string& stream);
  void Release(const std::string& stream);
  // As if an fsync had covered the stream up to here.
  void MoveDurable(const std::string& stream, std::uint64_t durable_seq);

  // Wait for a condition over the counters below, at most half a minute; false if it never came.
  bool Await(const std::function<bool()>& condition);
  // Under Await's lock, or where nothing runs.
  std::int64_t submitted = 0, answered = 0;
  std::int64_t waiting_bytes = 0, peak_waiting_bytes = 0;
  std::deque<PartTask> waiting;  // of stalled streams, in order
  std::map<std::uint64_t, DurableListener> listeners;
  std::vector<std::string> calls;  // administrative ones, "FreezeStream s1"
  bool drained = false;
  std::vector<std::pair<std::string, v1::StreamStats>> each_stats;  // model and statistics
  v1::StreamStats stats;  // what every stream's stats have beside their own

  absl::StatusOr<v1::Model> CreateModel(const v1::CreateModelRequest& request) override;
  absl::StatusOr<v1::Model> GetModel(const std::string& name) override;
  absl::StatusOr<v1::ListModelsResponse> ListModels(const v1::ListModelsRequest&) override;
  absl::Status DeleteModel(const v1::DeleteModelRequest& request) override;
  absl::StatusOr<v1::DescribePartsResponse> DescribeParts(
      const v1::DescribePartsRequest& request) override;
  absl::StatusOr<v1::OpenStreamResponse> OpenStream(const v1::OpenStreamRequest&) override;
  absl::StatusOr<v1::Stream> GetStream(const v1::GetStreamRequest&) override;
  absl::StatusOr<v1::ListStreamsResponse> ListStreams(const v1::ListStreamsRequest&) override;
  absl::StatusOr<v1::Stream> CloseStream(const v1::CloseStreamRequest&) override;
  absl::Status DeleteStream(const v1::DeleteStreamRequest&) override;
  absl::StatusOr<v1::Stream> ForkStream(const v1::ForkStreamRequest&) override;
  absl::StatusOr<v1::ListVariantsResponse> ListVariants(const v1::ListVariantsRequest&) override;
  absl::StatusOr<v1::Stream> PromoteVariant(const v1::PromoteVariantRequest&) override;
  absl::StatusOr<v1::Stream> FreezeStream(const v1::FreezeStreamRequest&) override;
  absl::StatusOr<v1::Stream> UnfreezeStream(const v1::UnfreezeStreamRequest&) override;
  absl::StatusOr<v1::Stream> ResetStream(const v1::ResetStreamRequest&) override;
  absl::StatusOr<v1::Stream> SettleStream(const v1::SettleStreamRequest&) override;
  absl::StatusOr<v1::Stream> SetStream(const v1::SetStreamRequest&) override;
  absl::StatusOr<v1::Stream> TakeShadow(const v1::TakeShadowRequest&) override;
  absl::StatusOr<v1::Stream> RestoreStream(const v1::RestoreStreamRequest&) override;
  absl::StatusOr<v1::Snapshot> SnapshotStream(const v1::SnapshotStreamRequest&) override;
  absl::StatusOr<v1::ListSnapshotsResponse> ListSnapshots(const v1::ListSnapshotsRequest&) override;
  absl::StatusOr<v1::Stream> RollbackStream(const v1::RollbackStreamRequest&) override;
  absl::StatusOr<v1::Stream> AcceptLoss(const v1::AcceptLossRequest&) override;
  absl::StatusOr<v1::StreamStats> GetStats(const std::string& stream) override;
  absl::StatusOr<v1::StreamStats> StatsNow(const std::string& stream) override;
  void Submit(PartTask task) override;
  absl::StatusOr<v1::PeekResponse> Peek(const v1::PeekRequest& request) override;
  void Listen(std::uint64_t writer_token, DurableListener listener) override;
  void StopListening(std::uint64_t writer_token) override;
  RuntimeFigures Figures(const EachStats& each) override;
  absl::Status Health() override;
  absl::Status Drain(absl::Time deadline) override;

 private:
  absl::StatusOr<v1::Stream> Touch(const std::string& call, const std::string& id);
  v1::LearnPartReply Apply(const PartTask& task);
  void Answer(const PartTask& task);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> stalled_;
  std::map<std::string, v1::Stream> streams_;
  std::map<std::string, std::uint64_t> tokens_;
  std::uint64_t last_token_ = 0;
};

}  // namespace millrace::server

#endif  // MILLRACE_TESTS_SERVER_SERVICES_FAKE_RUNTIME_H_
