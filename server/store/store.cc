#include "server/store/store.h"

#include <algorithm>
#include <cstdio>
#include <limits>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "google/protobuf/util/time_util.h"
#include "server/store/keys.h"

namespace millrace::server {
namespace {

constexpr char kDeletedEpoch[] = "deleted_epoch";
constexpr char kCut[] = "cut";

// Sorts after every name and number: names are ASCII, numbers stay below 2^63.
const char kEnd[] = "\xff";

template <typename Message>
bool Parse(absl::string_view value, Message* message) {
  return message->ParseFromArray(value.data(), static_cast<int>(value.size()));
}

absl::Status Unreadable(absl::string_view what, absl::string_view key) {
  return engine::Error(
      absl::StatusCode::kDataLoss, engine::kDamaged,
      absl::StrCat("the store's ", what, " '", key, "' is no record that this server can read"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& folder,
                                                   std::int64_t min_free_bytes,
                                                   Environment* environment) {
  auto database = Database::Open(folder, environment);
  if (!database.ok()) return database.status();
  auto store =
      absl::WrapUnique(new Store(*std::move(database), folder, min_free_bytes, environment));
  if (absl::Status status = store->LoadMeta(); !status.ok()) return status;
  store->NoteCut(environment);
  if (absl::Status status = store->snapshots_.RemoveOrphans(); !status.ok()) return status;
  return store;
}

Store::Store(std::unique_ptr<Database> database, const std::string& folder,
             std::int64_t min_free_bytes, Environment* environment)
    : database_(std::move(database)),
      headroom_(folder, min_free_bytes, environment),
      snapshots_(database_.get()) {}

absl::Status Store::LoadMeta() {
  const auto epoch = database_->Get(Family::kMeta, kDeletedEpoch);
  if (!epoch.ok()) return epoch.status();
  if (epoch->has_value() && (*epoch)->size() == 8) highest_deleted_epoch_ = LastNumber(**epoch);
  return absl::OkStatus();
}

void Store::NoteCut(Environment* environment) {
  if (!cut().has_value()) return;
  std::fprintf(stderr,
               "millraced: the write-ahead log was cut before its synced point: recovered to write "
               "%llu, synced to %llu; clients learn at attach what of theirs is lost\n",
               static_cast<unsigned long long>(cut()->recovered_sequence),
               static_cast<unsigned long long>(cut()->synced_sequence));
  store::v1::LogCut record;
  record.set_recovered_sequence(cut()->recovered_sequence);
  record.set_synced_sequence(cut()->synced_sequence);
  *record.mutable_found_time() = google::protobuf::util::TimeUtil::NanosecondsToTimestamp(
      absl::ToUnixNanos(environment->Now()));
  Batch batch = NewBatch();
  batch.Put(Family::kMeta, kCut, record.SerializeAsString());
  Commit(std::move(batch), /*sync=*/true);
}

void Store::PutModel(const v1::Model& model, Batch* batch) const {
  batch->Put(Family::kModels, model.name(), model.SerializeAsString());
}

void Store::DeleteModel(const std::string& name, Batch* batch) const {
  batch->Delete(Family::kModels, name);
}

absl::StatusOr<std::vector<v1::Model>> Store::Models() const {
  std::vector<v1::Model> models;
  absl::Status broken;
  absl::Status status = database_->Scan(Family::kModels, "", kEnd,
                                        [&](absl::string_view key, absl::string_view value) {
                                          if (!Parse(value, &models.emplace_back()))
                                            broken = Unreadable("model", key);
                                          return broken.ok();
                                        });
  status.Update(broken);
  if (!status.ok()) return status;
  return models;
}

void Store::PutStream(const std::string& id, const store::v1::StreamRecord& record,
                      Batch* batch) const {
  batch->Put(Family::kStreams, id, record.SerializeAsString());
}

void Store::DeleteStream(const std::string& id, std::uint64_t epoch, Batch* batch) {
  std::uint64_t highest = highest_deleted_epoch_;
  while (highest < epoch && !highest_deleted_epoch_.compare_exchange_weak(highest, epoch)) {
  }
  batch->Put(Family::kMeta, kDeletedEpoch, BigEndian64(highest_deleted_epoch_));
  batch->Delete(Family::kStreams, id);
  const std::string prefix = StreamPrefix(id);
  batch->DeleteRange(Family::kJournal, prefix, PrefixEnd(prefix));
  Snapshots::RemoveAll(id, batch);
}

absl::StatusOr<std::vector<Store::NamedStream>> Store::Streams() const {
  std::vector<NamedStream> streams;
  absl::Status broken;
  absl::Status status = database_->Scan(Family::kStreams, "", kEnd,
                                        [&](absl::string_view key, absl::string_view value) {
                                          NamedStream& stream = streams.emplace_back();
                                          stream.id = std::string(key);
                                          if (!Parse(value, &stream.record))
                                            broken = Unreadable("stream", key);
                                          return broken.ok();
                                        });
  status.Update(broken);
  if (!status.ok()) return status;
  return streams;
}

void Store::PutEvent(const std::string& stream, std::uint64_t epoch, std::uint64_t event,
                     absl::string_view record, Batch* batch) const {
  batch->Put(Family::kJournal, JournalKey(stream, epoch, event), record);
}

absl::Status Store::Replay(const std::string& stream, std::uint64_t epoch, std::uint64_t event,
                           const EachEvent& each) const {
  std::uint64_t expected = event + 1;
  absl::Status stopped;
  absl::Status status = database_->Scan(
      Family::kJournal, JournalKey(stream, epoch, event + 1), PrefixEnd(StreamPrefix(stream)),
      [&](absl::string_view key, absl::string_view value) {
        store::v1::JournalRecord record;
        if (!Parse(value, &record) || record.event() != LastNumber(key)) {
          stopped = Unreadable("journal record of stream", StreamOfKey(key));
        } else if (record.event() != expected) {
          stopped = engine::Error(
              absl::StatusCode::kDataLoss, engine::kDamaged,
              absl::StrCat("the journal of stream '", stream, "' has event ", record.event(),
                           " where event ", expected, " must follow"));
        } else {
          stopped = each(record, static_cast<std::int64_t>(key.size() + value.size()));
        }
        ++expected;
        return stopped.ok();
      });
  status.Update(stopped);
  return status;
}

absl::StatusOr<std::uint64_t> Store::LastEvent(const std::string& stream, std::uint64_t epoch,
                                               std::uint64_t event) const {
  const auto key = database_->LastKey(Family::kJournal, JournalKey(stream, epoch, event + 1),
                                      PrefixEnd(StreamPrefix(stream)));
  if (!key.ok()) return key.status();
  return key->empty() ? 0 : LastNumber(*key);
}

void Store::RemoveEventsAfter(const std::string& stream, std::uint64_t epoch, std::uint64_t event,
                              Batch* batch) const {
  batch->DeleteRange(Family::kJournal, JournalKey(stream, epoch, event + 1),
                     PrefixEnd(StreamPrefix(stream)));
}

void Store::PutRequest(std::uint64_t number, const store::v1::RequestRecord& record,
                       Batch* batch) const {
  batch->Put(Family::kRequests, BigEndian64(number), record.SerializeAsString());
}

void Store::DeleteRequest(std::uint64_t number, Batch* batch) const {
  batch->Delete(Family::kRequests, BigEndian64(number));
}

absl::StatusOr<std::vector<Store::NumberedRequest>> Store::Requests() const {
  std::vector<NumberedRequest> requests;
  absl::Status broken;
  absl::Status status = database_->Scan(Family::kRequests, "", kEnd,
                                        [&](absl::string_view key, absl::string_view value) {
                                          NumberedRequest& request = requests.emplace_back();
                                          request.number = LastNumber(key);
                                          if (!Parse(value, &request.record))
                                            broken = Unreadable("request", "");
                                          return broken.ok();
                                        });
  status.Update(broken);
  if (!status.ok()) return status;
  return requests;
}

}  // namespace millrace::server
