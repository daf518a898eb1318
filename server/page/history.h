// What the page's curves are made of: statistics of a bounded number of streams, looked at every
// two seconds.
//
//   History history(runtime, {"watched"}, absl::Seconds(2));
//   history.Look("subject-7");                 // somebody wants to see this one
//   history.Of("subject-7").recent.steps();
//
// At most 64 streams: those that were looked at lately, the watched ones, then the first by name.
// A server with fewer streams has the history of each since it started. One thread. 64 glances at
// statistics a period; about 50 KB a stream. Thread-safe.
#ifndef MILLRACE_SERVER_PAGE_HISTORY_H_
#define MILLRACE_SERVER_PAGE_HISTORY_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "server/runtime.h"

namespace millrace::server {

struct CurvePoint {
  double time_s = 0;  // since the epoch
  std::uint64_t step = 0;
  float live_loss = 0, shadow_loss = 0, recovery = 0;  // NaN where absent
};

// Points of one stream, of rising steps. Thread-compatible.
class Curve {
 public:
  static constexpr std::size_t kMostPoints = 450;

  // A point of no later step than the last is passed over where the stream stands still; where it
  // went back (a rollback, a stream anew) the curve begins again.
  void Add(const CurvePoint& point);
  // The last ones.
  const std::deque<CurvePoint>& recent() const { return recent_; }
  // All the time since the first: when it is full, every second point goes, and from then on only
  // every second one is taken.
  const std::vector<CurvePoint>& whole() const { return whole_; }

 private:
  std::deque<CurvePoint> recent_;
  std::vector<CurvePoint> whole_;
  std::uint64_t taken_ = 0, stride_ = 1;
};

class History {
 public:
  static constexpr std::size_t kMostStreams = 64;

  // `runtime` outlives it.
  History(Runtime* runtime, std::vector<std::string> watched_streams, absl::Duration period);
  ~History();
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  // The stream is followed from now on, until 16 others were asked for.
  void Look(const std::string& stream);
  // A copy; empty where the stream is not followed yet.
  Curve Of(const std::string& stream) const;
  // Looks at every followed stream once; the thread calls it, and tests.
  void Sample(absl::Time now);

 private:
  std::vector<std::string> Followed() const;
  void Run(absl::Duration period);

  Runtime* const runtime_;
  const std::vector<std::string> watched_streams_;
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::deque<std::string> looked_at_;  // latest first
  std::map<std::string, Curve> curves_;
  std::thread thread_;  // last: it uses all the others
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_PAGE_HISTORY_H_
