// The process as Prometheus' conventions name it (process_*), and millrace_build_info.
//
// Thread-safe. Cost: a few reads of /proc on scrape; figures that cannot be read are left out.
#ifndef MILLRACE_SERVER_METRICS_PROCESS_COLLECTOR_H_
#define MILLRACE_SERVER_METRICS_PROCESS_COLLECTOR_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

namespace millrace::server {

class ProcessCollector final : public prometheus::Collectable {
 public:
  // Takes the time of its making as the process's start.
  ProcessCollector();
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const double start_s_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_METRICS_PROCESS_COLLECTOR_H_
