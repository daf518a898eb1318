// The store: models, streams, journal, snapshots and answered requests of one server, in one
// folder.
//
// Values are parsed and serialized here; keys stay in keys.h. Changes are gathered in a Batch and
// committed together: a number and its data move in one write.
//
//   Batch batch = store->NewBatch();
//   store->PutEvent("subject-1", epoch, event, record, &batch);
//   store->Commit(std::move(batch), /*sync=*/false);
//
// Thread-safe.
#ifndef MILLRACE_SERVER_STORE_STORE_H_
#define MILLRACE_SERVER_STORE_STORE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "millrace/v1/model.pb.h"
#include "server/store/database.h"
#include "server/store/environment.h"
#include "server/store/headroom.h"
#include "server/store/records.pb.h"
#include "server/store/snapshots.h"

namespace millrace::server {

class Store {
 public:
  // Opens or creates; removes what crashes left half-done. Ends no process: faults are returned.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& folder,
                                                     std::int64_t min_free_bytes,
                                                     Environment* environment);

  Batch NewBatch() const { return database_->NewBatch(); }
  void Commit(Batch batch, bool sync) { database_->Commit(std::move(batch), sync); }
  void Sync() { database_->Sync(); }
  void Flush() { database_->Flush(); }
  Headroom& headroom() { return headroom_; }
  Snapshots& snapshots() { return snapshots_; }
  // Set where this open found less than was once synced.
  const std::optional<CutLog>& cut() const { return database_->cut(); }
  std::int64_t JournalBytes() const { return database_->FamilyBytes(Family::kJournal); }
  std::int64_t SnapshotBytes() const { return database_->FamilyBytes(Family::kSnapshots); }

  // Models, by name.
  void PutModel(const v1::Model& model, Batch* batch) const;
  void DeleteModel(const std::string& name, Batch* batch) const;
  absl::StatusOr<std::vector<v1::Model>> Models() const;

  // Streams, by id.
  struct NamedStream {
    std::string id;
    store::v1::StreamRecord record;
  };
  void PutStream(const std::string& id, const store::v1::StreamRecord& record, Batch* batch) const;
  // The stream with its journal and snapshots; `epoch` is kept as used.
  void DeleteStream(const std::string& id, std::uint64_t epoch, Batch* batch);
  absl::StatusOr<std::vector<NamedStream>> Streams() const;
  // A re-created stream's epoch is above all epochs of streams that were deleted.
  std::uint64_t FirstEpoch() const { return highest_deleted_epoch_ + 1; }

  // Journal; `record` is a serialized JournalRecord of that event.
  void PutEvent(const std::string& stream, std::uint64_t epoch, std::uint64_t event,
                absl::string_view record, Batch* batch) const;
  // Calls `each` for the events after `event`, which was reached in `epoch`; stops where it returns
  // an error, with that error. DATA_LOSS (QUARANTINED) for a record that cannot be read or a hole.
  using EachEvent =
      std::function<absl::Status(const store::v1::JournalRecord& record, std::int64_t bytes)>;
  absl::Status Replay(const std::string& stream, std::uint64_t epoch, std::uint64_t event,
                      const EachEvent& each) const;
  // Number of the last event after `event`; 0 where there is none.
  absl::StatusOr<std::uint64_t> LastEvent(const std::string& stream, std::uint64_t epoch,
                                          std::uint64_t event) const;
  // Events after `event`, which was reached in `epoch`, go.
  void RemoveEventsAfter(const std::string& stream, std::uint64_t epoch, std::uint64_t event,
                         Batch* batch) const;

  // Requests, under rising numbers.
  struct NumberedRequest {
    std::uint64_t number = 0;
    store::v1::RequestRecord record;
  };
  void PutRequest(std::uint64_t number, const store::v1::RequestRecord& record, Batch* batch) const;
  void DeleteRequest(std::uint64_t number, Batch* batch) const;
  absl::StatusOr<std::vector<NumberedRequest>> Requests() const;

 private:
  Store(std::unique_ptr<Database> database, const std::string& folder, std::int64_t min_free_bytes,
        Environment* environment);
  absl::Status LoadMeta();
  void NoteCut(Environment* environment);

  const std::unique_ptr<Database> database_;
  Headroom headroom_;
  Snapshots snapshots_;
  std::atomic<std::uint64_t> highest_deleted_epoch_ = 0;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_STORE_STORE_H_
