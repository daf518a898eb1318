// Snapshots in the store: encoded bytes in checksummed chunks, ended by a commit record.
//
// A snapshot counts only once its commit record is there: a crash between leaves the one before.
// Write reads the new one back before anything older goes; then it keeps the two newest generations
// (recovery falls back from a damaged one to the other and the journal behind it) and the newest
// few that were asked for, and trims the journal to the older of the two generations.
// Thread-safe for different streams; one caller at a time for one stream.
#ifndef MILLRACE_SERVER_STORE_SNAPSHOTS_H_
#define MILLRACE_SERVER_STORE_SNAPSHOTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/store/database.h"
#include "server/store/records.pb.h"

namespace millrace::server {

inline constexpr std::int64_t kChunkBytes = 1 << 20;
inline constexpr int kGenerations = 2;
inline constexpr int kRequestedKept = 8;

class Snapshots {
 public:
  explicit Snapshots(Database* database) : database_(database) {}

  // Writes `bytes`, fills the commit's bytes, chunks and checksum. `extra` (may be null) goes into
  // the batch of the commit record. DATA_LOSS where reading back finds something else: nothing
  // older was then removed.
  absl::Status Write(const std::string& stream, absl::string_view bytes,
                     store::v1::SnapshotCommit* commit, Batch* extra = nullptr);
  // Oldest first.
  absl::StatusOr<std::vector<store::v1::SnapshotCommit>> List(const std::string& stream) const;
  // DATA_LOSS (QUARANTINED) where a chunk is damaged or missing.
  absl::StatusOr<std::string> Read(const std::string& stream,
                                   const store::v1::SnapshotCommit& commit) const;
  // Keeps the commit and marks it as asked for.
  void MarkRequested(const std::string& stream, store::v1::SnapshotCommit* commit);

  // Adds to the batch: everything of the stream goes; or snapshots after `event`.
  static void RemoveAll(const std::string& stream, Batch* batch);
  static void RemoveAfter(const std::string& stream, std::uint64_t event, Batch* batch);
  // Chunks without commit record, left by a crash.
  absl::Status RemoveOrphans();

 private:
  void Trim(const std::string& stream, const std::vector<store::v1::SnapshotCommit>& commits);

  Database* const database_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_STORE_SNAPSHOTS_H_
