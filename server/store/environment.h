// What the store and the runtime ask of the machine, so that tests can say otherwise: clocks, free
// space, and the end of the process.
//
// Thread-safe.
#ifndef MILLRACE_SERVER_STORE_ENVIRONMENT_H_
#define MILLRACE_SERVER_STORE_ENVIRONMENT_H_

#include <cstdint>
#include <mutex>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace millrace::server {

class Environment {
 public:
  virtual ~Environment() = default;
  // The wall clock: creation times.
  virtual absl::Time Now();
  // A clock that never goes back: idleness.
  virtual absl::Duration Uptime();
  // Bytes that an unprivileged process may still write to the file system of `path`; what was found
  // last is told again for 10 ms, since every observation asks.
  virtual std::int64_t FreeBytes(const std::string& path);

  // The machine's own.
  static Environment* Default();

 private:
  struct Found {
    std::string path;
    absl::Duration at;
    std::int64_t free_bytes = 0;
  };
  std::mutex mutex_;
  Found found_;  // guarded by mutex_
};

// A write that failed leaves memory and disk in doubt, and only recovery from disk can tell: says
// so on standard error and ends the process at once (exit code 74, EX_IOERR).
[[noreturn]] void EndProcess(absl::string_view sentence);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_STORE_ENVIRONMENT_H_
