#include "server/runtime/listeners.h"

#include <utility>

namespace millrace::server {

void Listeners::Add(std::uint64_t writer_token, Runtime::DurableListener listener) {
  const std::lock_guard lock(mutex_);
  by_token_[writer_token] = std::move(listener);
}

void Listeners::Remove(std::uint64_t writer_token) {
  const std::lock_guard lock(mutex_);
  by_token_.erase(writer_token);
}

void Listeners::Tell(const Entry& entry) {
  std::uint64_t token = 0, epoch = 0, durable_seq = 0;
  {
    const std::lock_guard lock(entry.face_mutex);
    token = entry.face.writer_token;
    epoch = entry.face.epoch;
    durable_seq = entry.face.durable_seq;
  }
  if (token == 0) return;
  const std::lock_guard lock(mutex_);
  const auto found = by_token_.find(token);
  if (found != by_token_.end()) found->second(entry.id, epoch, durable_seq);
}

}  // namespace millrace::server
