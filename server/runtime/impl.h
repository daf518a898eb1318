// The runtime put together: store, tables, scheduler, syncer. See server/runtime.h for the
// contract.
//
// Members are declared in the order in which they may use each other: the threads come last and end
// first.
#ifndef MILLRACE_SERVER_RUNTIME_IMPL_H_
#define MILLRACE_SERVER_RUNTIME_IMPL_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/runtime.h"
#include "server/runtime/entry.h"
#include "server/runtime/keeper.h"
#include "server/runtime/listeners.h"
#include "server/runtime/requests.h"
#include "server/runtime/residence.h"
#include "server/runtime/scheduler.h"
#include "server/runtime/syncer.h"
#include "server/runtime/table.h"
#include "server/runtime/turn.h"
#include "server/runtime/variants.h"
#include "server/store/store.h"

namespace millrace::server {

class RuntimeImpl final : public Runtime {
 public:
  RuntimeImpl(const RuntimeOptions& options, RuntimeObserver* observer,
              std::unique_ptr<Store> store);
  ~RuntimeImpl() override;
  // Models, streams and requests of the store; replays what needs it.
  absl::Status Recover();

  absl::StatusOr<v1::Model> CreateModel(const v1::CreateModelRequest& request) override;
  absl::StatusOr<v1::Model> GetModel(const std::string& name) override;
  absl::StatusOr<v1::ListModelsResponse> ListModels(const v1::ListModelsRequest& request) override;
  absl::Status DeleteModel(const v1::DeleteModelRequest& request) override;
  absl::StatusOr<v1::DescribePartsResponse> DescribeParts(
      const v1::DescribePartsRequest& request) override;

  absl::StatusOr<v1::OpenStreamResponse> OpenStream(const v1::OpenStreamRequest& request) override;
  absl::StatusOr<v1::Stream> GetStream(const v1::GetStreamRequest& request) override;
  absl::StatusOr<v1::ListStreamsResponse> ListStreams(
      const v1::ListStreamsRequest& request) override;
  absl::StatusOr<v1::Stream> CloseStream(const v1::CloseStreamRequest& request) override;
  absl::Status DeleteStream(const v1::DeleteStreamRequest& request) override;
  absl::StatusOr<v1::Stream> ForkStream(const v1::ForkStreamRequest& request) override;
  absl::StatusOr<v1::ListVariantsResponse> ListVariants(
      const v1::ListVariantsRequest& request) override;
  absl::StatusOr<v1::Stream> PromoteVariant(const v1::PromoteVariantRequest& request) override;
  absl::StatusOr<v1::Stream> FreezeStream(const v1::FreezeStreamRequest& request) override;
  absl::StatusOr<v1::Stream> UnfreezeStream(const v1::UnfreezeStreamRequest& request) override;
  absl::StatusOr<v1::Stream> ResetStream(const v1::ResetStreamRequest& request) override;
  absl::StatusOr<v1::Stream> SettleStream(const v1::SettleStreamRequest& request) override;
  absl::StatusOr<v1::Stream> SetStream(const v1::SetStreamRequest& request) override;
  absl::StatusOr<v1::Stream> TakeShadow(const v1::TakeShadowRequest& request) override;
  absl::StatusOr<v1::Stream> RestoreStream(const v1::RestoreStreamRequest& request) override;
  absl::StatusOr<v1::Snapshot> SnapshotStream(const v1::SnapshotStreamRequest& request) override;
  absl::StatusOr<v1::ListSnapshotsResponse> ListSnapshots(
      const v1::ListSnapshotsRequest& request) override;
  absl::StatusOr<v1::Stream> RollbackStream(const v1::RollbackStreamRequest& request) override;
  absl::StatusOr<v1::Stream> AcceptLoss(const v1::AcceptLossRequest& request) override;
  absl::StatusOr<v1::StreamStats> GetStats(const std::string& stream) override;
  absl::StatusOr<v1::StreamStats> StatsNow(const std::string& stream) override;

  void Submit(PartTask task) override;
  void Queue(PartTask task) override;
  void Begin() override { scheduler_.Begin(); }
  absl::StatusOr<v1::PeekResponse> Peek(const v1::PeekRequest& request) override;
  void Listen(std::uint64_t writer_token, DurableListener listener) override;
  void StopListening(std::uint64_t writer_token) override;

  RuntimeFigures Figures(const EachStats& each) override;
  absl::Status Health() override;
  absl::Status Drain(absl::Time deadline) override;

 private:
  using EntryPtr = std::shared_ptr<Entry>;

  absl::Status RecoverModels();
  absl::StatusOr<std::vector<EntryPtr>> RecoverEntries();
  void ReplayAll(const std::vector<EntryPtr>& entries);
  // Bytes that the entry takes in memory afterwards.
  std::int64_t ReplayOne(Entry* entry, bool keep);

  // NO_STREAM, or BAD_NAME.
  absl::StatusOr<EntryPtr> FindStream(const std::string& id) const;
  // Runs `call` in the stream's turn, waits for it, and returns what it returned.
  absl::Status InTurn(const EntryPtr& entry, CallWork::Need need,
                      const std::function<absl::Status()>& call);
  // Journals and applies the event in the stream's turn.
  template <typename Request>
  absl::StatusOr<v1::Stream> Event(const char* method, const Request& request,
                                   store::v1::JournalRecord record);
  absl::StatusOr<v1::Stream> GetEntry(const std::string& id);

  absl::StatusOr<v1::OpenStreamResponse> OpenNew(const v1::OpenStreamRequest& request,
                                                 const RequestKey& key);
  absl::StatusOr<v1::OpenStreamResponse> OpenExisting(const v1::OpenStreamRequest& request,
                                                      const EntryPtr& entry, const RequestKey& key);
  absl::StatusOr<v1::Stream> Close(const EntryPtr& entry, const RequestKey& key);
  absl::StatusOr<v1::Stream> Fork(const v1::ForkStreamRequest& request, const EntryPtr& entry,
                                  const RequestKey& key);
  absl::Status WriteFork(const v1::ForkStreamRequest& request, const Entry& from, Entry* copy,
                         const RequestKey& key);
  // IS_VARIANT where it is one.
  static absl::Status RefuseVariant(const Entry& entry);
  // Variants of recovered streams follow them again.
  void RelinkVariants();
  absl::Status Rollback(const v1::RollbackStreamRequest& request, Entry* entry,
                        const RequestKey& key);
  absl::Status RefuseOversize(const v1::LearnPart& part, Entry* entry, std::uint64_t steps,
                              std::uint64_t bytes) const;

  const RuntimeOptions options_;
  RuntimeObserver* const observer_;
  Environment* const environment_;
  const std::unique_ptr<Store> store_;
  Table table_;
  Listeners listeners_;
  Requests requests_;
  Keeper keeper_;
  Residence residence_;
  Syncer syncer_;
  Variants variants_;
  Turns turns_;
  std::atomic<bool> draining_ = false;
  Scheduler scheduler_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_RUNTIME_IMPL_H_
