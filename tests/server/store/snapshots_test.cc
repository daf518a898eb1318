#include "server/store/snapshots.h"

#include <string>
#include <vector>

#include "engine/errors.h"
#include "gtest/gtest.h"
#include "server/store/keys.h"
#include "server/store/store.h"
#include "tests/server/store/folders.h"

namespace millrace::server {
namespace {

using store::v1::JournalRecord;
using store::v1::SnapshotCommit;

class SnapshotsTest : public testing::Test {
 protected:
  SnapshotsTest() : database_(*Database::Open(folder_.path(), Environment::Default())) {}

  SnapshotCommit Write(std::uint64_t event, const std::string& bytes, bool requested = false) {
    SnapshotCommit commit;
    commit.set_epoch(1);
    commit.set_event(event);
    commit.set_requested(requested);
    const absl::Status status = snapshots_.Write("s", bytes, &commit);
    EXPECT_TRUE(status.ok()) << status;
    return commit;
  }
  void PutJournal(std::uint64_t event) {
    Batch batch = database_->NewBatch();
    batch.Put(Family::kJournal, JournalKey("s", 1, event), "record");
    database_->Commit(std::move(batch), false);
  }
  std::vector<std::uint64_t> JournalEvents() {
    std::vector<std::uint64_t> events;
    const absl::Status status =
        database_->Scan(Family::kJournal, "", "\xff", [&](absl::string_view key, auto) {
          events.push_back(LastNumber(key));
          return true;
        });
    EXPECT_TRUE(status.ok()) << status;
    return events;
  }
  std::vector<std::uint64_t> Listed() {
    std::vector<std::uint64_t> events;
    const auto commits = snapshots_.List("s");
    EXPECT_TRUE(commits.ok()) << commits.status();
    if (!commits.ok()) return events;
    for (const SnapshotCommit& commit : *commits) events.push_back(commit.event());
    return events;
  }
  int ChunksInStore() {
    int chunks = 0;
    const absl::Status status =
        database_->Scan(Family::kSnapshots, "d", "e", [&](auto, auto) { return ++chunks > 0; });
    EXPECT_TRUE(status.ok()) << status;
    return chunks;
  }

  Folder folder_;
  std::unique_ptr<Database> database_;
  Snapshots snapshots_{database_.get()};
};

std::string Pattern(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>((i * 2654435761u) >> 13);
  return text;
}

TEST_F(SnapshotsTest, ComeBackAsTheyWereWritten) {
  for (const std::size_t bytes : {0ul, 1ul, 1ul << 20, (1ul << 20) + 1, 5ul << 19}) {
    const std::string written = Pattern(bytes);
    const SnapshotCommit commit = Write(bytes + 1, written);
    EXPECT_EQ(commit.chunks(), (bytes + kChunkBytes - 1) / kChunkBytes);
    EXPECT_EQ(*snapshots_.Read("s", commit), written);
  }
}

TEST_F(SnapshotsTest, WithADamagedChunkAreRefused) {
  const SnapshotCommit commit = Write(7, Pattern(5 << 19));
  std::string chunk = **database_->Get(Family::kSnapshots, ChunkKey("s", 7, 1));
  chunk[1000] = static_cast<char>(chunk[1000] ^ 1);
  Batch batch = database_->NewBatch();
  batch.Put(Family::kSnapshots, ChunkKey("s", 7, 1), chunk);
  database_->Commit(std::move(batch), false);
  const auto read = snapshots_.Read("s", commit);
  EXPECT_EQ(read.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(engine::ReasonOf(read.status()), engine::kDamaged);
  EXPECT_NE(read.status().message().find("chunk 1"), absl::string_view::npos) << read.status();
}

TEST_F(SnapshotsTest, WithAMissingChunkAreRefused) {
  const SnapshotCommit commit = Write(7, Pattern(5 << 19));
  Batch batch = database_->NewBatch();
  batch.Delete(Family::kSnapshots, ChunkKey("s", 7, 2));
  database_->Commit(std::move(batch), false);
  EXPECT_EQ(snapshots_.Read("s", commit).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SnapshotsTest, WithChunksOfAnotherAreRefused) {
  const SnapshotCommit commit = Write(7, Pattern(100));
  Write(8, Pattern(101));
  Batch batch = database_->NewBatch();
  batch.Put(Family::kSnapshots, ChunkKey("s", 7, 0),
            **database_->Get(Family::kSnapshots, ChunkKey("s", 8, 0)));
  database_->Commit(std::move(batch), false);
  EXPECT_EQ(snapshots_.Read("s", commit).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SnapshotsTest, KeepTwoGenerationsAndTheJournalBehindTheOlder) {
  for (std::uint64_t event = 1; event <= 30; ++event) PutJournal(event);
  Write(10, "a");
  EXPECT_EQ(JournalEvents().front(), 1u) << "the beginning is the other generation";
  Write(20, "b");
  EXPECT_EQ(JournalEvents().front(), 11u);
  Write(30, "c");
  EXPECT_EQ(Listed(), (std::vector<std::uint64_t>{20, 30}));
  EXPECT_EQ(JournalEvents().front(), 21u);
  EXPECT_EQ(ChunksInStore(), 2);
}

TEST_F(SnapshotsTest, ThatWereAskedForStay) {
  Write(10, "a", /*requested=*/true);
  for (std::uint64_t event : {20, 30, 40}) Write(event, "b");
  EXPECT_EQ(Listed(), (std::vector<std::uint64_t>{10, 30, 40}));
}

TEST_F(SnapshotsTest, ThatWereAskedForStayUpToABound) {
  for (std::uint64_t event = 1; event <= 20; ++event) Write(event, "a", /*requested=*/true);
  EXPECT_EQ(Listed().size(), static_cast<std::size_t>(kRequestedKept));
  EXPECT_EQ(Listed().back(), 20u);
}

TEST_F(SnapshotsTest, WithoutCommitRecordDoNotCountAndGoAtOpen) {
  Write(10, Pattern(3 << 20));
  Batch batch = database_->NewBatch();
  batch.Put(Family::kSnapshots, ChunkKey("s", 20, 0), "half done");
  batch.Put(Family::kSnapshots, ChunkKey("s", 20, 1), "half done");
  batch.Put(Family::kSnapshots, ChunkKey("t", 5, 0), "half done");
  database_->Commit(std::move(batch), false);
  EXPECT_EQ(Listed(), (std::vector<std::uint64_t>{10}));
  EXPECT_EQ(ChunksInStore(), 6);
  ASSERT_TRUE(snapshots_.RemoveOrphans().ok());
  EXPECT_EQ(ChunksInStore(), 3);
}

TEST_F(SnapshotsTest, AfterAnEventGoAndTheOthersStay) {
  for (std::uint64_t event : {10, 20, 30}) Write(event, "a", /*requested=*/true);
  Batch batch = database_->NewBatch();
  Snapshots::RemoveAfter("s", 20, &batch);
  database_->Commit(std::move(batch), false);
  EXPECT_EQ(Listed(), (std::vector<std::uint64_t>{10, 20}));
  EXPECT_EQ(ChunksInStore(), 2);
}

}  // namespace
}  // namespace millrace::server
