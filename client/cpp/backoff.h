// How long to wait before the next attempt: exponential with full jitter in the upper half, so that
// thousands of clients of one restarted server do not come back in step.
//
// The n-th wait is uniform in [w/2, w], w = min(most, first * 2^n). Thread-compatible.
#ifndef MILLRACE_CLIENT_CPP_BACKOFF_H_
#define MILLRACE_CLIENT_CPP_BACKOFF_H_

#include <cstdint>
#include <random>

#include "absl/time/time.h"

namespace millrace::client {

class Backoff {
 public:
  Backoff(absl::Duration first, absl::Duration most, std::uint64_t seed);

  absl::Duration Next();
  // After a success.
  void Reset() { attempts_ = 0; }

 private:
  absl::Duration first_;
  absl::Duration most_;
  int attempts_ = 0;
  std::mt19937_64 random_;
};

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CPP_BACKOFF_H_
