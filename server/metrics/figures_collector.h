// What stands, as Prometheus gauges, gathered on scrape: the runtime's figures a model, the store,
// and the configured watched streams, which alone have series of their own.
//
// Counters of the engine (updates, divergences, ...) live in the streams' state and go down when a
// stream is deleted; here they are counted from the server's start and never fall.
// Thread-safe. Cost: one Runtime::Figures() and one StatsNow() a watched stream.
#ifndef MILLRACE_SERVER_METRICS_FIGURES_COLLECTOR_H_
#define MILLRACE_SERVER_METRICS_FIGURES_COLLECTOR_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/metrics/shift_ends.h"
#include "server/runtime.h"

namespace millrace::server {

// A counter over figures that may fall: adds up the rises since it was first seen.
class RisingCounter {
 public:
  // `first` is what counts before the first call.
  double Total(std::uint64_t now, std::uint64_t first);

 private:
  bool seen_ = false;
  std::uint64_t last_ = 0;
  double total_ = 0;
};

class FiguresCollector final : public prometheus::Collectable {
 public:
  // `runtime` outlives it.
  FiguresCollector(Runtime* runtime, std::vector<std::string> watched_streams);
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  std::map<std::string, ModelFigures> LookAtStart();
  // Adds what is counted, and returns what stands.
  RuntimeFigures LookAtAll(std::vector<prometheus::MetricFamily>* families) const;
  double Total(const std::string& counter, const ModelFigures& model,
               std::uint64_t ModelFigures::*member) const;

  Runtime* const runtime_;
  const std::vector<std::string> watched_streams_;
  mutable std::mutex mutex_;
  mutable ShiftEnds ends_;
  const std::map<std::string, ModelFigures> at_start_;  // after ends_, which it fills
  mutable std::map<std::pair<std::string, std::string>, RisingCounter> counters_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_METRICS_FIGURES_COLLECTOR_H_
