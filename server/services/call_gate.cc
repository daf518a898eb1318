#include "server/services/call_gate.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/errors.h"
#include "server/runtime.h"
#include "server/services/status_map.h"

namespace millrace::server {
namespace {

const char* SettingOf(CallKind kind) {
  switch (kind) {
    case CallKind::kUnary:
      return "max_queued_admin_calls";
    case CallKind::kLearn:
      return "max_learn_calls";
    case CallKind::kWatch:
      return "max_watch_calls";
  }
  return "";
}

absl::Status TooMany(CallKind kind, std::int64_t limit) {
  return engine::Error(
      absl::StatusCode::kResourceExhausted, kLimit,
      absl::StrCat(limit, " calls of this kind are open, which is the limit (", SettingOf(kind),
                   " of the server); end some, or try again later"),
      {{"limit", SettingOf(kind)}, {"value", absl::StrCat(limit)}});
}

}  // namespace

absl::Status CallGate::Enter(CallKind kind, std::shared_ptr<LongCall> call) {
  const auto index = static_cast<std::size_t>(kind);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) return DrainingServer();
  if (open_[index] >= limits_[index]) return TooMany(kind, limits_[index]);
  ++open_[index];
  if (call != nullptr) {
    const LongCall* key = call.get();
    long_calls_.emplace(key, std::move(call));
  }
  return absl::OkStatus();
}

void CallGate::Leave(CallKind kind, const LongCall* call) {
  // Destroyed after the lock is given back.
  std::shared_ptr<LongCall> leaving;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    --open_[static_cast<std::size_t>(kind)];
    if (const auto found = long_calls_.find(call); found != long_calls_.end()) {
      leaving = std::move(found->second);
      long_calls_.erase(found);
    }
  }
  left_.notify_all();
}

void CallGate::Close() {
  std::vector<std::shared_ptr<LongCall>> calls;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (closed_) return;
    closed_ = true;
    for (const auto& [key, call] : long_calls_) calls.push_back(call);
  }
  for (const auto& call : calls) call->DrainCall();
}

bool CallGate::WaitEmpty(absl::Time deadline) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto empty = [this] {
    for (const std::int64_t open : open_) {
      if (open > 0) return false;
    }
    return true;
  };
  return left_.wait_until(lock, absl::ToChronoTime(deadline), empty);
}

std::int64_t CallGate::open(CallKind kind) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return open_[static_cast<std::size_t>(kind)];
}

}  // namespace millrace::server
