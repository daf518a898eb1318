// Damage in the store: it is found, it stays with the streams it is of, and nothing hides it.

#include <filesystem>
#include <functional>
#include <string>

#include "engine/errors.h"
#include "gtest/gtest.h"
#include "server/store/database.h"
#include "server/store/keys.h"
#include "server/store/store.h"
#include "tests/server/runtime/harness.h"
#include "tests/server/store/folders.h"

namespace millrace::server {
namespace {

template <typename Request>
Request Of(const std::string& id) {
  Request request;
  request.set_id(id);
  return request;
}

void Change(const std::string& folder, const std::function<void(Database*)>& change) {
  auto database = Database::Open(folder, Environment::Default());
  ASSERT_TRUE(database.ok()) << database.status();
  change(database->get());
}

void DamageChunk(Database* database, const std::string& stream, std::uint64_t event) {
  const std::string key = ChunkKey(stream, event, 0);
  const auto chunk = database->Get(Family::kSnapshots, key);
  ASSERT_TRUE(chunk.ok() && chunk->has_value());
  std::string damaged = **chunk;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 4);
  Batch batch = database->NewBatch();
  batch.Put(Family::kSnapshots, key, damaged);
  database->Commit(std::move(batch), true);
}

class DamageTest : public testing::Test {
 protected:
  DamageTest() {
    harness_.CreateModel("m");
    for (const std::string id : {"a", "b"}) {
      harness_.OpenStream(id);
      harness_.Attach(id);
      for (std::uint64_t seq = 1; seq <= 30; seq += 10) {
        EXPECT_FALSE(harness_.Observe(id, seq, 10).has_status());
        if (seq > 20) continue;
        EXPECT_TRUE(harness_.runtime().SnapshotStream(Of<v1::SnapshotStreamRequest>(id)).ok());
      }
    }
    harness_.Drop();
  }
  // Snapshots of "a" stand at events 1 and 2, its journal goes to event 3.
  void Damage(const std::function<void(Database*)>& change) {
    Change(harness_.store(), change);
    harness_.Open();
  }
  void ExpectOthersServe() {
    harness_.Attach("b");
    EXPECT_FALSE(harness_.Observe("b", 31, 1).has_status());
    EXPECT_EQ(harness_.Digest("b"), DigestAfter(31));
  }
  void ExpectQuarantined() {
    EXPECT_TRUE(harness_.Stream("a").quarantined());
    EXPECT_REASON(harness_.Attach("a").status(), kDataLoss, "QUARANTINED");
    EXPECT_EQ(engine::ReasonOf(harness_.runtime().Health()), "QUARANTINED");
    const RuntimeFigures figures = harness_.runtime().Figures();
    EXPECT_EQ(figures.models[0].quarantined, 1);
    ExpectOthersServe();
  }

  Harness harness_;
};

TEST_F(DamageTest, OfTheNewestSnapshotIsHealedByTheOlderOneAndTheJournal) {
  Damage([](Database* database) { DamageChunk(database, "a", 2); });
  EXPECT_EQ(harness_.Stream("a").applied_seq(), 30u);
  EXPECT_EQ(harness_.Digest("a"), DigestAfter(30));
  ExpectOthersServe();
}

TEST_F(DamageTest, OfBothSnapshotsIsHealedByTheBeginningWhileTheJournalReachesIt) {
  // The journal is trimmed to the older generation, so here it does not.
  Damage([](Database* database) {
    DamageChunk(database, "a", 1);
    DamageChunk(database, "a", 2);
  });
  ExpectQuarantined();
}

TEST_F(DamageTest, OfTheJournalsMiddleQuarantinesThatStreamAlone) {
  Damage([](Database* database) {
    Batch batch = database->NewBatch();
    batch.Put(Family::kJournal, JournalKey("a", 1, 3), "no record");
    database->Commit(std::move(batch), true);
  });
  ExpectQuarantined();
}

TEST_F(DamageTest, WithAHoleBehindADamagedSnapshotQuarantines) {
  Damage([](Database* database) {
    DamageChunk(database, "a", 2);
    Batch batch = database->NewBatch();
    batch.Delete(Family::kJournal, JournalKey("a", 1, 2));
    database->Commit(std::move(batch), true);
  });
  ExpectQuarantined();
}

TEST_F(DamageTest, NeverGoesBackToAnOlderSnapshotWithoutAWord) {
  Damage([](Database* database) {
    DamageChunk(database, "a", 2);
    Batch batch = database->NewBatch();
    batch.DeleteRange(Family::kJournal, JournalKey("a", 1, 2), JournalKey("a", 1, 9));
    database->Commit(std::move(batch), true);
  });
  // Nothing of the journal is left to replay, so the damage shows on use.
  EXPECT_REASON(harness_.Attach("a").status(), kDataLoss, "QUARANTINED");
  ExpectQuarantined();
}

TEST_F(DamageTest, EndsWithARollbackToAWholeSnapshot) {
  Damage([](Database* database) {
    DamageChunk(database, "a", 2);
    Batch batch = database->NewBatch();
    batch.Delete(Family::kJournal, JournalKey("a", 1, 2));
    database->Commit(std::move(batch), true);
  });
  v1::RollbackStreamRequest rollback = Of<v1::RollbackStreamRequest>("a");
  const auto damaged = harness_.runtime().RollbackStream(rollback);
  EXPECT_EQ(engine::ReasonOf(damaged.status()), "QUARANTINED") << "the newest is the damaged one";
  rollback.set_event(1);
  const auto stream = harness_.runtime().RollbackStream(rollback);
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_FALSE(stream->quarantined());
  EXPECT_EQ(stream->epoch(), 2u);
  EXPECT_EQ(harness_.Digest("a"), DigestAfter(10));
  harness_.Attach("a");
  EXPECT_FALSE(harness_.Observe("a", 11, 20).has_status());
  harness_.Open();
  EXPECT_EQ(harness_.Digest("a"), DigestAfter(30));
  EXPECT_TRUE(harness_.runtime().Health().ok());
}

TEST_F(DamageTest, EndsWithDeletion) {
  Damage([](Database* database) {
    DamageChunk(database, "a", 1);
    DamageChunk(database, "a", 2);
  });
  ASSERT_TRUE(harness_.runtime().DeleteStream(Of<v1::DeleteStreamRequest>("a")).ok());
  EXPECT_TRUE(harness_.runtime().Health().ok());
  harness_.OpenStream("a");
  EXPECT_EQ(harness_.Digest("a"), DigestAfter(0));
}

TEST(CutLogTest, IsToldToTheClientThatSawMoreUntilItAccepts) {
  Harness harness;
  harness.CreateModel("m");
  harness.OpenStream("s");
  harness.Attach("s");
  for (std::uint64_t seq = 1; seq <= 50; ++seq) harness.Observe("s", seq, 1);
  const std::string folder = harness.Crashed("cut");
  const std::string log = LogOf(folder);
  std::filesystem::resize_file(log, std::filesystem::file_size(log) - 2000);
  harness.Open(folder);
  const std::uint64_t recovered = harness.Stream("s").applied_seq();
  ASSERT_LT(recovered, 50u);
  ASSERT_GT(recovered, 0u);
  const v1::LearnPartReply refused = harness.Attach("s", 50);
  EXPECT_REASON(refused.status(), kDataLoss, kLostSteps);
  EXPECT_NE(refused.status().message().find("50"), std::string::npos);
  EXPECT_REASON(harness.Attach("s", 0).status(), kDataLoss, kLostSteps);
  harness.Open(folder);
  EXPECT_REASON(harness.Attach("s", 0).status(), kDataLoss, kLostSteps);
  ASSERT_TRUE(harness.runtime().AcceptLoss(Of<v1::AcceptLossRequest>("s")).ok());
  EXPECT_FALSE(harness.Attach("s", 50).has_status()) << "the loss is known now";
  harness.Observe("s", recovered + 1, static_cast<std::uint32_t>(60 - recovered));
  EXPECT_EQ(harness.Digest("s"), DigestAfter(60));
  EXPECT_REASON(harness.Attach("s", 61).status(), kDataLoss, kLostSteps);
}

TEST(CutLogTest, IsNoWordToAClientThatSawLess) {
  Harness harness;
  harness.CreateModel("m");
  harness.OpenStream("s");
  harness.Attach("s");
  harness.Observe("s", 1, 20);
  harness.Open();
  EXPECT_FALSE(harness.Attach("s", 20).has_status());
}

}  // namespace
}  // namespace millrace::server
