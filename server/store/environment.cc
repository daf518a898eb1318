#include "server/store/environment.h"

#include <sys/statvfs.h>
#include <sysexits.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "absl/time/clock.h"

namespace millrace::server {
namespace {

constexpr absl::Duration kFreeBytesHold = absl::Milliseconds(10);

std::int64_t Ask(const std::string& path) {
  struct statvfs found;
  // A file system that cannot be asked is not known to be full: the write itself will tell.
  if (statvfs(path.c_str(), &found) != 0) return std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(found.f_bavail) * static_cast<std::int64_t>(found.f_frsize);
}

}  // namespace

absl::Time Environment::Now() { return absl::Now(); }

absl::Duration Environment::Uptime() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

std::int64_t Environment::FreeBytes(const std::string& path) {
  const absl::Duration now = Environment::Uptime();
  const std::lock_guard lock(mutex_);
  if (found_.path != path || now - found_.at > kFreeBytesHold) found_ = {path, now, Ask(path)};
  return found_.free_bytes;
}

Environment* Environment::Default() {
  static Environment environment;
  return &environment;
}

void EndProcess(absl::string_view sentence) {
  std::fprintf(stderr, "millraced: %.*s; ending the process, a restart recovers from the journal\n",
               static_cast<int>(sentence.size()), sentence.data());
  std::fflush(stderr);
  std::_Exit(EX_IOERR);
}

}  // namespace millrace::server
