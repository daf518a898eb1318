// Page-Hinkley detector of a rise of the mean (Page 1954, Hinkley 1971), in units of the running
// standard deviation.
//
// With mean and deviation of the values before x (exponential), z = (x - mean) / deviation - delta
// and m_t = sum z. The alarm is raised when m_t - min m > threshold and dated at the arg-min. What
// is kept is the gap m_t - min m itself, max(0, gap + z): m_t would grow without bound.
// The first `warmup` values only build the mean. After an alarm everything starts anew. One value
// counts for at most a quarter of the threshold, in the gap and in the mean: a single outlier is
// not a shift, and must not blind the detector to the next one.
// Thread-compatible; O(1), nothing allocated.
#ifndef MILLRACE_ENGINE_MONITOR_PAGE_HINKLEY_H_
#define MILLRACE_ENGINE_MONITOR_PAGE_HINKLEY_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "engine/monitor/averages.h"
#include "engine/state.h"

namespace millrace::engine {

class PageHinkley {
 public:
  struct Settings {
    double delta = 0.05;
    double threshold = 20;
    std::int64_t warmup = 50;
    double decay = 0;  // of the running mean
  };
  struct Alarm {
    std::uint64_t seq = 0;        // of the arg-min
    std::int64_t values_ago = 0;  // from the arg-min to the value that raised the alarm
  };

  explicit PageHinkley(const Settings& settings) : settings_(settings) {}

  std::optional<Alarm> Add(double x, std::uint64_t seq);
  void Visit(StateVisitor& visitor, absl::string_view name);

 private:
  Settings settings_;
  Average baseline_;
  std::int64_t values_ = 0;  // since the start or the last alarm
  double gap_ = 0;
  std::uint64_t least_seq_ = 0;
  std::int64_t since_least_ = 0;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_MONITOR_PAGE_HINKLEY_H_
