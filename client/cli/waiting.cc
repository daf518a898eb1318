#include "client/cli/waiting.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace millrace::client {

Waiting::Waiting(std::ostream* err, std::string what, absl::Duration first) {
  if (what.empty()) return;
  thread_ = std::thread([this, err, first, what = std::move(what)] { Run(err, what, first); });
}

Waiting::~Waiting() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  over_.notify_all();
  thread_.join();
}

void Waiting::Run(std::ostream* err, const std::string& what, absl::Duration first) {
  const absl::Time begin = absl::Now();
  bool shown = false;
  absl::Duration next = first;
  std::unique_lock lock(mutex_);
  while (!over_.wait_for(lock, absl::ToChronoNanoseconds(next), [this] { return is_over_; })) {
    *err << absl::StreamFormat("\r\033[K%s: waiting for the server, %.0f s", what,
                               absl::ToDoubleSeconds(absl::Now() - begin))
         << std::flush;
    shown = true;
    next = absl::Milliseconds(500);
  }
  if (shown) *err << "\r\033[K" << std::flush;
}

}  // namespace millrace::client
