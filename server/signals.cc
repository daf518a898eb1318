#include "server/signals.h"

#include <unistd.h>
#include <csignal>
#include <thread>

#include "absl/strings/str_cat.h"
#include "server/log.h"

namespace millrace::server {
namespace {

sigset_t Stopping() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

int NextSignal() {
  const sigset_t set = Stopping();
  int signal = 0;
  while (sigwait(&set, &signal) != 0) {
  }
  return signal;
}

[[noreturn]] void EndAtOnce(int signal) {
  Log(Severity::kWarning, "ended_at_once", {{"signal", absl::StrCat(signal)}});
  _exit(128 + signal);
}

}  // namespace

StopSignals::StopSignals() {
  const sigset_t set = Stopping();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  // Lives as long as the process; so does this object.
  std::thread([this] { Watch(); }).detach();
}

void StopSignals::Watch() {
  const int first = NextSignal();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!serving_) EndAtOnce(first);
    signal_ = first;
  }
  came_.notify_all();
  EndAtOnce(NextSignal());
}

void StopSignals::Serving() {
  const std::lock_guard<std::mutex> lock(mutex_);
  serving_ = true;
}

int StopSignals::Wait() {
  std::unique_lock<std::mutex> lock(mutex_);
  came_.wait(lock, [this] { return signal_ != 0; });
  return signal_;
}

}  // namespace millrace::server
