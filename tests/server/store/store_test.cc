#include "server/store/store.h"

#include <string>
#include <vector>

#include "engine/errors.h"
#include "gtest/gtest.h"
#include "server/store/keys.h"
#include "tests/server/store/folders.h"

namespace millrace::server {
namespace {

using store::v1::JournalRecord;
using store::v1::RequestRecord;
using store::v1::StreamRecord;

constexpr std::int64_t kMinFree = 0;

std::unique_ptr<Store> Opened(const std::string& folder) {
  auto store = Store::Open(folder, kMinFree, Environment::Default());
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

void PutReset(Store* store, const std::string& stream, std::uint64_t epoch, std::uint64_t event) {
  JournalRecord record;
  record.set_event(event);
  record.mutable_reset();
  Batch batch = store->NewBatch();
  store->PutEvent(stream, epoch, event, record.SerializeAsString(), &batch);
  store->Commit(std::move(batch), false);
}

absl::StatusOr<std::vector<std::uint64_t>> Replayed(Store* store, std::uint64_t epoch,
                                                    std::uint64_t event) {
  std::vector<std::uint64_t> events;
  absl::Status status =
      store->Replay("s", epoch, event, [&](const JournalRecord& record, std::int64_t bytes) {
        EXPECT_GT(bytes, 0);
        events.push_back(record.event());
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return events;
}

TEST(Store, ReplaysWhatFollowsAnEventAcrossEpochs) {
  Folder folder;
  const auto store = Opened(folder.path());
  for (std::uint64_t event : {1, 2, 3}) PutReset(store.get(), "s", 1, event);
  for (std::uint64_t event : {4, 5}) PutReset(store.get(), "s", 2, event);
  PutReset(store.get(), "ss", 1, 4);
  EXPECT_EQ(*Replayed(store.get(), 0, 0), (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(*Replayed(store.get(), 1, 2), (std::vector<std::uint64_t>{3, 4, 5}));
  EXPECT_EQ(*Replayed(store.get(), 2, 5), (std::vector<std::uint64_t>{}));
  EXPECT_EQ(*store->LastEvent("s", 1, 2), 5u);
  EXPECT_EQ(*store->LastEvent("s", 2, 5), 0u);
}

TEST(Store, RefusesAHoleInTheJournal) {
  Folder folder;
  const auto store = Opened(folder.path());
  for (std::uint64_t event : {1, 2, 4}) PutReset(store.get(), "s", 1, event);
  const auto replayed = Replayed(store.get(), 0, 0);
  EXPECT_EQ(replayed.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(engine::ReasonOf(replayed.status()), engine::kDamaged);
}

TEST(Store, RewindsTheJournalToAnEvent) {
  Folder folder;
  const auto store = Opened(folder.path());
  for (std::uint64_t event : {1, 2, 3, 4}) PutReset(store.get(), "s", 1, event);
  for (std::uint64_t event : {5, 6}) PutReset(store.get(), "s", 2, event);
  Batch batch = store->NewBatch();
  store->RemoveEventsAfter("s", 1, 2, &batch);
  store->Commit(std::move(batch), false);
  for (std::uint64_t event : {3}) PutReset(store.get(), "s", 3, event);
  EXPECT_EQ(*Replayed(store.get(), 0, 0), (std::vector<std::uint64_t>{1, 2, 3}));
}

TEST(Store, DeletesAStreamWholeAndRemembersItsEpoch) {
  Folder folder;
  {
    const auto store = Opened(folder.path());
    EXPECT_EQ(store->FirstEpoch(), 1u);
    Batch batch = store->NewBatch();
    store->PutStream("s", StreamRecord(), &batch);
    store->PutStream("t", StreamRecord(), &batch);
    store->Commit(std::move(batch), false);
    PutReset(store.get(), "s", 7, 1);
    PutReset(store.get(), "t", 1, 1);
    Batch removal = store->NewBatch();
    store->DeleteStream("s", 7, &removal);
    store->Commit(std::move(removal), false);
    EXPECT_EQ(store->FirstEpoch(), 8u);
  }
  const auto store = Opened(folder.path());
  EXPECT_EQ(store->FirstEpoch(), 8u);
  ASSERT_EQ(store->Streams()->size(), 1u);
  EXPECT_EQ(store->Streams()->front().id, "t");
  EXPECT_TRUE(Replayed(store.get(), 0, 0)->empty());
  EXPECT_EQ(*store->LastEvent("t", 0, 0), 1u);
}

TEST(Store, KeepsModelsAndRequests) {
  Folder folder;
  {
    const auto store = Opened(folder.path());
    Batch batch = store->NewBatch();
    v1::Model model;
    model.set_name("bci");
    model.set_parameter_count(42);
    store->PutModel(model, &batch);
    RequestRecord request;
    request.set_request_id("r");
    request.set_answer("answer");
    store->PutRequest(300, request, &batch);
    store->PutRequest(2, request, &batch);
    store->Commit(std::move(batch), true);
  }
  const auto store = Opened(folder.path());
  ASSERT_EQ(store->Models()->size(), 1u);
  EXPECT_EQ(store->Models()->front().parameter_count(), 42);
  const auto requests = *store->Requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].number, 2u);
  EXPECT_EQ(requests[1].number, 300u);
  EXPECT_EQ(requests[1].record.answer(), "answer");
}

}  // namespace
}  // namespace millrace::server
