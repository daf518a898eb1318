#include "server/store/snapshots.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "engine/snapshot.h"
#include "server/store/crc32c.h"
#include "server/store/keys.h"

namespace millrace::server {
namespace {

using store::v1::SnapshotCommit;

constexpr std::uint64_t kLastEvent = std::numeric_limits<std::uint64_t>::max();

absl::Status Damaged(const std::string& stream, const SnapshotCommit& commit,
                     absl::string_view what) {
  return engine::Error(
      absl::StatusCode::kDataLoss, engine::kDamaged,
      absl::StrCat("snapshot of stream '", stream, "' at event ", commit.event(),
                   " is damaged: ", what, "; roll back to an older snapshot or delete the stream"));
}

void RemoveOne(const std::string& stream, std::uint64_t event, Batch* batch) {
  const std::string chunks = ChunkPrefix(stream, event);
  batch->Delete(Family::kSnapshots, CommitKey(stream, event));
  batch->DeleteRange(Family::kSnapshots, chunks, chunks + BigEndian32(~0u));
}

}  // namespace

absl::Status Snapshots::Write(const std::string& stream, absl::string_view bytes,
                              SnapshotCommit* commit, Batch* extra) {
  const std::size_t size = bytes.size();
  std::uint32_t chunk = 0;
  for (std::size_t at = 0; at < size; at += kChunkBytes, ++chunk) {
    const absl::string_view piece = bytes.substr(at, kChunkBytes);
    Batch batch = database_->NewBatch();
    batch.Put(Family::kSnapshots, ChunkKey(stream, commit->event(), chunk),
              absl::StrCat(BigEndian32(Crc32c(piece)), piece));
    database_->Commit(std::move(batch), /*sync=*/false);
  }
  commit->set_bytes(static_cast<std::int64_t>(size));
  commit->set_chunks(chunk);
  commit->set_checksum(engine::Sha256Hex(bytes));
  Batch last = extra == nullptr ? database_->NewBatch() : std::move(*extra);
  last.Put(Family::kSnapshots, CommitKey(stream, commit->event()), commit->SerializeAsString());
  database_->Commit(std::move(last), /*sync=*/false);

  if (const auto back = Read(stream, *commit); !back.ok()) return back.status();
  const auto commits = List(stream);
  if (!commits.ok()) return commits.status();
  Trim(stream, *commits);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<SnapshotCommit>> Snapshots::List(const std::string& stream) const {
  std::vector<SnapshotCommit> commits;
  bool parsed = true;
  absl::Status status =
      database_->Scan(Family::kSnapshots, CommitKey(stream, 0), CommitKey(stream, kLastEvent),
                      [&](absl::string_view, absl::string_view value) {
                        parsed = commits.emplace_back().ParseFromArray(
                            value.data(), static_cast<int>(value.size()));
                        return parsed;
                      });
  if (!status.ok()) return status;
  if (!parsed) {
    return Damaged(stream, commits.back(), "its commit record cannot be read");
  }
  return commits;
}

absl::StatusOr<std::string> Snapshots::Read(const std::string& stream,
                                            const SnapshotCommit& commit) const {
  std::string bytes;
  bytes.reserve(static_cast<std::size_t>(commit.bytes()));
  for (std::uint32_t chunk = 0; chunk < commit.chunks(); ++chunk) {
    const auto value = database_->Get(Family::kSnapshots, ChunkKey(stream, commit.event(), chunk));
    if (!value.ok()) return value.status();
    if (!value->has_value()) return Damaged(stream, commit, absl::StrCat("no chunk ", chunk));
    const absl::string_view found = **value;
    if (found.size() < 4 || BigEndian32(Crc32c(found.substr(4))) != found.substr(0, 4)) {
      return Damaged(stream, commit, absl::StrCat("chunk ", chunk, " fails its checksum"));
    }
    absl::StrAppend(&bytes, found.substr(4));
  }
  if (engine::Sha256Hex(bytes) != commit.checksum()) {
    return Damaged(stream, commit, "its chunks do not have the checksum of its commit record");
  }
  return bytes;
}

void Snapshots::MarkRequested(const std::string& stream, SnapshotCommit* commit) {
  if (commit->requested()) return;
  commit->set_requested(true);
  Batch batch = database_->NewBatch();
  batch.Put(Family::kSnapshots, CommitKey(stream, commit->event()), commit->SerializeAsString());
  database_->Commit(std::move(batch), /*sync=*/false);
}

void Snapshots::RemoveAll(const std::string& stream, Batch* batch) {
  for (const char family : {kCommits, kChunks}) {
    const std::string prefix = absl::StrCat(std::string(1, family), StreamPrefix(stream));
    batch->DeleteRange(Family::kSnapshots, prefix, PrefixEnd(prefix));
  }
}

void Snapshots::RemoveAfter(const std::string& stream, std::uint64_t event, Batch* batch) {
  batch->DeleteRange(Family::kSnapshots, CommitKey(stream, event + 1),
                     CommitKey(stream, kLastEvent));
  batch->DeleteRange(Family::kSnapshots, ChunkPrefix(stream, event + 1),
                     ChunkPrefix(stream, kLastEvent));
}

void Snapshots::Trim(const std::string& stream, const std::vector<SnapshotCommit>& commits) {
  Batch batch = database_->NewBatch();
  int requested = 0;
  for (std::size_t back = 1; back <= commits.size(); ++back) {
    const SnapshotCommit& commit = commits[commits.size() - back];
    const bool recent = back <= kGenerations;
    if (recent || (commit.requested() && requested < kRequestedKept)) {
      requested += commit.requested() ? 1 : 0;
      continue;
    }
    RemoveOne(stream, commit.event(), &batch);
  }
  if (commits.size() >= kGenerations) {
    const SnapshotCommit& oldest = commits[commits.size() - kGenerations];
    const std::string first_kept = JournalKey(stream, oldest.epoch(), oldest.event() + 1);
    const std::string begin = StreamPrefix(stream);
    batch.DeleteRange(Family::kJournal, begin, first_kept);
  }
  if (!batch.empty()) database_->Commit(std::move(batch), /*sync=*/false);
}

absl::Status Snapshots::RemoveOrphans() {
  std::string from(1, kChunks);
  const std::string end(1, kChunks + 1);
  Batch batch = database_->NewBatch();
  while (true) {
    std::string key;
    absl::Status status =
        database_->Scan(Family::kSnapshots, from, end, [&](absl::string_view found, auto) {
          key = std::string(found);
          return false;
        });
    if (!status.ok()) return status;
    if (key.empty()) break;
    // Without the letter in front and the chunk's number behind it is a commit's key.
    const std::string owner = key.substr(1, key.size() - 5);
    const auto commit =
        database_->Get(Family::kSnapshots, absl::StrCat(std::string(1, kCommits), owner));
    if (!commit.ok()) return commit.status();
    from = absl::StrCat(std::string(1, kChunks), owner, BigEndian32(~0u));
    if (!commit->has_value()) {
      batch.DeleteRange(Family::kSnapshots, key.substr(0, key.size() - 4), from);
    }
  }
  if (!batch.empty()) database_->Commit(std::move(batch), /*sync=*/false);
  return absl::OkStatus();
}

}  // namespace millrace::server
