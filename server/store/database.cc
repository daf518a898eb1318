#include "server/store/database.h"

#include <array>
#include <cstddef>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/check.h"
#include "engine/errors.h"
#include "rocksdb/listener.h"
#include "rocksdb/options.h"

namespace millrace::server {
namespace {

constexpr std::array<const char*, kFamilies> kNames = {"models",  "streams",  "snapshots",
                                                       "journal", "requests", "meta"};

rocksdb::Slice ToSlice(absl::string_view text) { return {text.data(), text.size()}; }
absl::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

void EndUnlessOk(const rocksdb::Status& status, absl::string_view what) {
  if (!status.ok()) EndProcess(absl::StrCat("store: ", what, " failed: ", status.ToString()));
}

absl::Status ReadFailed(const rocksdb::Status& status, absl::string_view key) {
  return engine::Error(
      absl::StatusCode::kDataLoss, engine::kDamaged,
      absl::StrCat("the store cannot read key '", absl::string_view(key.substr(0, 160)),
                   "': ", status.ToString()));
}

// A compaction that meets a damaged block leaves the block where it is: its streams are quarantined
// when they are read. Every other background error is a failed write.
class BackgroundErrors final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override {
    if (reason == rocksdb::BackgroundErrorReason::kCompaction && error->IsCorruption()) {
      *error = rocksdb::Status::OK();
      return;
    }
    EndUnlessOk(*error, "a write");
  }
};

rocksdb::DBOptions DatabaseOptions() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  // All families are flushed together, so a table never holds what the live log was cut of.
  options.atomic_flush = true;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.db_write_buffer_size = 192 << 20;
  options.max_total_wal_size = 256 << 20;
  options.avoid_flush_during_shutdown = true;
  options.max_background_jobs = 2;
  // One thread writes nearly always: what lets several into the memory table at once is only paid.
  options.allow_concurrent_memtable_write = false;
  options.enable_write_thread_adaptive_yield = false;
  options.keep_log_file_num = 3;
  options.max_log_file_size = 8 << 20;
  options.listeners.push_back(std::make_shared<BackgroundErrors>());
  return options;
}

rocksdb::ColumnFamilyOptions FamilyOptions(int family) {
  rocksdb::ColumnFamilyOptions options;
  // Floating-point state does not compress; the journal is short-lived.
  options.compression = rocksdb::kNoCompression;
  const bool bulky = family == static_cast<int>(Family::kSnapshots) ||
                     family == static_cast<int>(Family::kJournal);
  options.write_buffer_size = static_cast<std::size_t>(bulky ? 64 : 4) << 20;
  return options;
}

}  // namespace

void Batch::Put(Family family, absl::string_view key, absl::string_view value) {
  const rocksdb::Status status =
      batch_.Put((*handles_)[static_cast<std::size_t>(family)], ToSlice(key), ToSlice(value));
  MILLRACE_CHECK(status.ok());
}

void Batch::Delete(Family family, absl::string_view key) {
  const rocksdb::Status status =
      batch_.Delete((*handles_)[static_cast<std::size_t>(family)], ToSlice(key));
  MILLRACE_CHECK(status.ok());
}

void Batch::DeleteRange(Family family, absl::string_view from, absl::string_view to) {
  const rocksdb::Status status =
      batch_.DeleteRange((*handles_)[static_cast<std::size_t>(family)], ToSlice(from), ToSlice(to));
  MILLRACE_CHECK(status.ok());
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& folder,
                                                         Environment* environment) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return absl::FailedPreconditionError(
        absl::StrCat("the store's folder ", folder, " cannot be made: ", error.message()));
  }
  auto database = absl::WrapUnique(new Database);
  if (absl::Status status = database->OpenFamilies(folder + "/db"); !status.ok()) return status;
  // Only now: the database's lock keeps a second process out.
  auto watermark = Watermark::Open(folder + "/watermark", environment);
  if (!watermark.ok()) return watermark.status();
  database->watermark_ = *std::move(watermark);
  database->CompareWithWatermark();
  // What recovery read is on disk but perhaps not synced.
  database->Sync();
  return database;
}

absl::Status Database::OpenFamilies(const std::string& folder) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (int family = 0; family < kFamilies; ++family) {
    families.emplace_back(kNames[static_cast<std::size_t>(family)], FamilyOptions(family));
  }
  families.emplace_back(rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions());
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::Open(DatabaseOptions(), folder, families, &handles_, &opened);
  if (status.ok()) {
    db_.reset(opened);
    return absl::OkStatus();
  }
  const std::string sentence =
      absl::StrCat("the store ", folder, " cannot be opened: ", status.ToString());
  if (status.IsCorruption()) return absl::DataLossError(sentence);
  return absl::FailedPreconditionError(sentence);
}

Database::~Database() {
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    if (db_ != nullptr) db_->DestroyColumnFamilyHandle(handle);
  }
  if (db_ != nullptr) db_->Close();
}

void Database::CompareWithWatermark() {
  const std::uint64_t recovered = db_->GetLatestSequenceNumber();
  const std::uint64_t synced = watermark_->synced().sequence;
  if (recovered < synced) cut_ = CutLog{recovered, synced};
}

rocksdb::ColumnFamilyHandle* Database::Handle(Family family) const {
  return handles_[static_cast<std::size_t>(family)];
}

void Database::Commit(Batch batch, bool sync) {
  rocksdb::WriteOptions options;
  options.sync = sync;
  EndUnlessOk(db_->Write(options, &batch.batch_), "a write");
}

void Database::Sync() {
  const std::uint64_t sequence = db_->GetLatestSequenceNumber();
  EndUnlessOk(db_->SyncWAL(), "a sync");
  NoteSynced(sequence, /*now=*/false);
}

void Database::Flush() {
  const std::uint64_t sequence = db_->GetLatestSequenceNumber();
  EndUnlessOk(db_->Flush(rocksdb::FlushOptions(), handles_), "a flush");
  EndUnlessOk(db_->SyncWAL(), "a sync");
  NoteSynced(sequence, /*now=*/true);
}

void Database::NoteSynced(std::uint64_t sequence, bool now) {
  std::unique_ptr<rocksdb::LogFile> segment;
  SyncedPoint point{sequence, 0, 0};
  if (db_->GetCurrentWalFile(&segment).ok()) {
    point.segment = segment->LogNumber();
    point.segment_bytes = segment->SizeFileBytes();
  }
  const std::lock_guard lock(sync_mutex_);
  const absl::Status status = watermark_->Note(point, now);
  if (!status.ok()) EndProcess(status.message());
}

absl::StatusOr<std::optional<std::string>> Database::Get(Family family,
                                                         absl::string_view key) const {
  std::string value;
  const rocksdb::Status status =
      db_->Get(rocksdb::ReadOptions(), Handle(family), ToSlice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return ReadFailed(status, key);
  return value;
}

absl::Status Database::Scan(Family family, absl::string_view from, absl::string_view to,
                            const Each& each) const {
  rocksdb::ReadOptions options;
  const rocksdb::Slice bound = ToSlice(to);
  options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options, Handle(family)));
  for (it->Seek(ToSlice(from)); it->Valid(); it->Next()) {
    if (!each(ToView(it->key()), ToView(it->value()))) return absl::OkStatus();
  }
  return it->status().ok() ? absl::OkStatus() : ReadFailed(it->status(), from);
}

absl::StatusOr<std::string> Database::LastKey(Family family, absl::string_view from,
                                              absl::string_view to) const {
  rocksdb::ReadOptions options;
  const rocksdb::Slice lower = ToSlice(from), upper = ToSlice(to);
  options.iterate_lower_bound = &lower;
  options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options, Handle(family)));
  it->SeekToLast();
  if (!it->status().ok()) return ReadFailed(it->status(), from);
  return it->Valid() ? std::string(ToView(it->key())) : std::string();
}

std::int64_t Database::FamilyBytes(Family family) const {
  std::uint64_t tables = 0, memory = 0;
  db_->GetIntProperty(Handle(family), rocksdb::DB::Properties::kTotalSstFilesSize, &tables);
  db_->GetIntProperty(Handle(family), rocksdb::DB::Properties::kCurSizeActiveMemTable, &memory);
  return static_cast<std::int64_t>(tables + memory);
}

}  // namespace millrace::server
