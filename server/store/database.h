// The embedded database: RocksDB with one column family each for models, streams, snapshots,
// journal, requests and meta.
//
//   Batch batch;
//   batch.Put(Family::kStreams, id, record);
//   database->Commit(std::move(batch), /*sync=*/false);
//
// A batch is applied whole or not at all. A write or sync that fails ends the process (see
// EndProcess): nothing that follows could be trusted. A read that fails is DATA_LOSS of what was
// read and nothing else.
// Thread-safe. A commit without sync is about 2 us and one write to the operating system.
#ifndef MILLRACE_SERVER_STORE_DATABASE_H_
#define MILLRACE_SERVER_STORE_DATABASE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "server/store/environment.h"
#include "server/store/watermark.h"

namespace millrace::server {

enum class Family { kModels, kStreams, kSnapshots, kJournal, kRequests, kMeta };
inline constexpr int kFamilies = 6;

// Writes that belong together. Thread-compatible; belongs to the database that made it.
class Batch {
 public:
  void Put(Family family, absl::string_view key, absl::string_view value);
  void Delete(Family family, absl::string_view key);
  // From `from` to before `to`.
  void DeleteRange(Family family, absl::string_view from, absl::string_view to);
  bool empty() const { return batch_.Count() == 0; }
  std::int64_t bytes() const { return static_cast<std::int64_t>(batch_.GetDataSize()); }

 private:
  friend class Database;
  using Handles = std::vector<rocksdb::ColumnFamilyHandle*>;
  explicit Batch(const Handles& handles) : handles_(&handles) {}

  const Handles* handles_;
  rocksdb::WriteBatch batch_;
};

// What recovery found missing of what was once synced.
struct CutLog {
  std::uint64_t recovered_sequence = 0, synced_sequence = 0;
};

class Database {
 public:
  // FAILED_PRECONDITION where another process has it open.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& folder,
                                                        Environment* environment);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Batch NewBatch() const { return Batch(handles_); }
  void Commit(Batch batch, bool sync);
  // Syncs every commit that returned before the call.
  void Sync();
  // Writes memory tables out, so that the log is short at the next open. Syncs.
  void Flush();

  // Empty where there is no such key.
  absl::StatusOr<std::optional<std::string>> Get(Family family, absl::string_view key) const;
  // Calls `each` in order of keys for those from `from` to before `to`, until it returns false.
  using Each = std::function<bool(absl::string_view key, absl::string_view value)>;
  absl::Status Scan(Family family, absl::string_view from, absl::string_view to,
                    const Each& each) const;
  // The last key before `to` that is not before `from`; empty where there is none.
  absl::StatusOr<std::string> LastKey(Family family, absl::string_view from,
                                      absl::string_view to) const;
  // Approximate bytes of a family on disk and in memory.
  std::int64_t FamilyBytes(Family family) const;

  // Set where this open found the log cut before its synced point.
  const std::optional<CutLog>& cut() const { return cut_; }

 private:
  Database() = default;
  absl::Status OpenFamilies(const std::string& folder);
  void CompareWithWatermark();
  void NoteSynced(std::uint64_t sequence, bool now);
  rocksdb::ColumnFamilyHandle* Handle(Family family) const;

  std::unique_ptr<rocksdb::DB> db_;
  Batch::Handles handles_;  // as Family, then "default"
  std::unique_ptr<Watermark> watermark_;
  std::mutex sync_mutex_;  // over the watermark
  std::optional<CutLog> cut_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_STORE_DATABASE_H_
