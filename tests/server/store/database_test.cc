#include "server/store/database.h"

#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "gtest/gtest.h"
#include "tests/server/store/folders.h"

namespace millrace::server {
namespace {

std::unique_ptr<Database> Opened(const std::string& folder) {
  auto database = Database::Open(folder, Environment::Default());
  EXPECT_TRUE(database.ok()) << database.status();
  return database.ok() ? *std::move(database) : nullptr;
}

void Put(Database* database, const std::string& key, const std::string& value) {
  Batch batch = database->NewBatch();
  batch.Put(Family::kMeta, key, value);
  database->Commit(std::move(batch), /*sync=*/false);
}

std::string Value(const Database& database, const std::string& key) {
  const auto value = database.Get(Family::kMeta, key);
  EXPECT_TRUE(value.ok()) << value.status();
  return value.ok() && value->has_value() ? **value : "absent";
}

TEST(Database, KeepsWhatWasCommittedWithoutBeingClosed) {
  Folder folder;
  const auto database = Opened(folder / "a");
  Put(database.get(), "key", "value");
  CopyFolder(folder / "a", folder / "b");
  EXPECT_EQ(Value(*Opened(folder / "b"), "key"), "value");
}

TEST(Database, AppliesABatchWholeAcrossFamilies) {
  Folder folder;
  const auto database = Opened(folder.path());
  Batch batch = database->NewBatch();
  batch.Put(Family::kMeta, "a", "1");
  batch.Put(Family::kJournal, "a", "2");
  batch.DeleteRange(Family::kMeta, "a", "b");
  database->Commit(std::move(batch), /*sync=*/true);
  EXPECT_EQ(Value(*database, "a"), "absent");
  EXPECT_TRUE(database->Get(Family::kJournal, "a")->has_value());
}

TEST(Database, IsOpenInOneProcessOnly) {
  Folder folder;
  const auto database = Opened(folder.path());
  EXPECT_EQ(Database::Open(folder.path(), Environment::Default()).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(Database, SaysThatTheLogWasCutBeforeItsSyncedPoint) {
  Folder folder;
  {
    const auto database = Opened(folder / "a");
    EXPECT_FALSE(database->cut().has_value());
    for (int i = 0; i < 100; ++i) Put(database.get(), std::to_string(i), std::string(100, 'v'));
    database->Sync();
    CopyFolder(folder / "a", folder / "b");
  }
  const std::string log = LogOf(folder / "b");
  std::filesystem::resize_file(log, std::filesystem::file_size(log) / 2);
  const auto database = Opened(folder / "b");
  ASSERT_TRUE(database->cut().has_value());
  EXPECT_LT(database->cut()->recovered_sequence, database->cut()->synced_sequence);
  EXPECT_EQ(Value(*database, "0"), std::string(100, 'v'));
  EXPECT_EQ(Value(*database, "99"), "absent");
}

TEST(Database, SaysItOnceAndCountsOnFromThere) {
  Folder folder;
  {
    const auto database = Opened(folder / "a");
    for (int i = 0; i < 100; ++i) Put(database.get(), std::to_string(i), std::string(100, 'v'));
    database->Sync();
    CopyFolder(folder / "a", folder / "b");
  }
  const std::string log = LogOf(folder / "b");
  std::filesystem::resize_file(log, std::filesystem::file_size(log) / 2);
  EXPECT_TRUE(Opened(folder / "b")->cut().has_value());
  EXPECT_FALSE(Opened(folder / "b")->cut().has_value());
}

TEST(Database, TakesATailThatWasNeverSyncedForNoLoss) {
  Folder folder;
  {
    const auto database = Opened(folder / "a");
    database->Sync();
    for (int i = 0; i < 100; ++i) Put(database.get(), std::to_string(i), std::string(100, 'v'));
    CopyFolder(folder / "a", folder / "b");
  }
  const std::string log = LogOf(folder / "b");
  std::filesystem::resize_file(log, std::filesystem::file_size(log) - 7);
  const auto database = Opened(folder / "b");
  EXPECT_FALSE(database->cut().has_value());
  EXPECT_EQ(Value(*database, "98"), std::string(100, 'v'));
}

TEST(Database, OpensAfterAFlushWhoseOldLogIsGone) {
  Folder folder;
  {
    const auto database = Opened(folder.path());
    Put(database.get(), "key", "value");
    database->Flush();
  }
  const auto database = Opened(folder.path());
  EXPECT_FALSE(database->cut().has_value());
  EXPECT_EQ(Value(*database, "key"), "value");
}

TEST(Database, FindsTheLastKeyOfARange) {
  Folder folder;
  const auto database = Opened(folder.path());
  for (const std::string key : {"a1", "a2", "b1"}) Put(database.get(), key, "");
  EXPECT_EQ(*database->LastKey(Family::kMeta, "a", "b"), "a2");
  EXPECT_EQ(*database->LastKey(Family::kMeta, "a3", "b"), "");
}

// A write that fails after some that did not: nothing later may be acknowledged.
void WriteBeyondTheFileSizeLimit(const std::string& folder) {
  std::signal(SIGXFSZ, SIG_IGN);
  const auto database = Opened(folder);
  const rlimit limit{1 << 20, 1 << 20};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  for (int i = 0; i < 100; ++i) Put(database.get(), std::to_string(i), std::string(1 << 16, 'v'));
}

TEST(DatabaseDeathTest, EndsTheProcessWhereAWriteFails) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Folder folder;
  EXPECT_EXIT(WriteBeyondTheFileSizeLimit(folder / "a"), testing::ExitedWithCode(74),
              "store: a write failed.*restart recovers");
}

}  // namespace
}  // namespace millrace::server
