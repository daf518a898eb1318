// A histogram without a lock, for what happens with every part: a few additions to numbers that all
// threads share.
//
//   Histogram wait_s({1e-3, 1e-2, 0.1});
//   wait_s.Observe(0.004);
//   family.metric.push_back(wait_s.Collect());
//
// Thread-safe. A collection while others observe may have an observation in its sum and not yet in
// its buckets. Cost of an observation: a search among the bounds and two atomic additions.
#ifndef MILLRACE_SERVER_METRICS_HISTOGRAM_H_
#define MILLRACE_SERVER_METRICS_HISTOGRAM_H_

#include <prometheus/client_metric.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::server {

class Histogram {
 public:
  // Upper bounds of the buckets, rising; one above them all is added.
  explicit Histogram(std::vector<double> bounds);

  // `times` observations of the same value.
  void Observe(double value, std::uint64_t times = 1);
  prometheus::ClientMetric Collect() const;

 private:
  const std::vector<double> bounds_;
  const std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;  // of each bucket alone
  std::atomic<double> sum_ = 0;
};

// Bounds for times from a microsecond to ten seconds, and for counts.
std::vector<double> SecondsBounds();
std::vector<double> CountBounds();

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_METRICS_HISTOGRAM_H_
