#include "server/runtime/requests.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "server/runtime.h"

namespace millrace::server {
namespace {

constexpr std::size_t kLongestId = 128;

}  // namespace

absl::Status Requests::Load() {
  auto requests = store_->Requests();
  if (!requests.ok()) return requests.status();
  const std::lock_guard lock(mutex_);
  for (Store::NumberedRequest& request : *requests) {
    Kept kept{request.record.fingerprint(), std::nullopt, request.number, false};
    if (request.record.has_answer()) kept.answer = request.record.answer();
    by_number_[request.number] = request.record.request_id();
    by_id_[request.record.request_id()] = std::move(kept);
    next_number_ = request.number + 1;
  }
  return absl::OkStatus();
}

absl::StatusOr<Requests::Known> Requests::Begin(const RequestKey& key) {
  if (key.id.size() > kLongestId) {
    return engine::Error(
        absl::StatusCode::kInvalidArgument, kBadName,
        absl::StrCat("request_id has ", key.id.size(), " characters; use at most ", kLongestId));
  }
  std::unique_lock lock(mutex_);
  settled_.wait(lock, [&] {
    const auto found = by_id_.find(key.id);
    return found == by_id_.end() || !found->second.under_way;
  });
  const auto found = by_id_.find(key.id);
  if (found == by_id_.end()) {
    by_id_[key.id].fingerprint = key.fingerprint;
    return Known{};
  }
  if (found->second.fingerprint != key.fingerprint) {
    return engine::Error(
        absl::StatusCode::kAborted, kRequestConflict,
        absl::StrCat("request_id '", key.id, "' was used by another request; use a new one"),
        {{"request_id", key.id}});
  }
  return Known{true, found->second.answer};
}

void Requests::Record(const RequestKey& key, Batch* batch) {
  if (key.id.empty()) return;
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(key.id);
  if (found == by_id_.end() || found->second.number != 0) return;
  found->second.number = next_number_++;
  by_number_[found->second.number] = key.id;
  store::v1::RequestRecord record;
  record.set_request_id(key.id);
  record.set_fingerprint(key.fingerprint);
  store_->PutRequest(found->second.number, record, batch);
  while (by_number_.size() > kRequestsKept) {
    const auto oldest = by_number_.begin();
    store_->DeleteRequest(oldest->first, batch);
    by_id_.erase(oldest->second);
    by_number_.erase(oldest);
  }
}

void Requests::Finish(const RequestKey& key, const std::string& answer) {
  Batch batch = store_->NewBatch();
  Record(key, &batch);  // of a change that needed no batch of its own
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_id_.find(key.id);
    if (found == by_id_.end()) return;
    found->second.answer = answer;
    found->second.under_way = false;
    store::v1::RequestRecord record;
    record.set_request_id(key.id);
    record.set_fingerprint(key.fingerprint);
    record.set_answer(answer);
    store_->PutRequest(found->second.number, record, &batch);
  }
  settled_.notify_all();
  store_->Commit(std::move(batch), /*sync=*/false);
}

void Requests::Abandon(const RequestKey& key) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_id_.find(key.id);
    if (found == by_id_.end()) return;
    // A change that was recorded stays so, whatever failed after it.
    if (found->second.number != 0) {
      found->second.under_way = false;
    } else {
      by_id_.erase(found);
    }
  }
  settled_.notify_all();
}

}  // namespace millrace::server
