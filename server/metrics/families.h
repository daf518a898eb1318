// Families and samples of metrics, put together.
//
// Thread-safe: pure functions.
#ifndef MILLRACE_SERVER_METRICS_FAMILIES_H_
#define MILLRACE_SERVER_METRICS_FAMILIES_H_

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>

#include <utility>
#include <vector>

namespace millrace::server {

inline prometheus::MetricFamily MakeFamily(const char* name, const char* help,
                                           prometheus::MetricType type) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

// Of a counter or a gauge.
inline prometheus::ClientMetric MakeSample(std::vector<prometheus::ClientMetric::Label> labels,
                                           double value) {
  prometheus::ClientMetric sample;
  sample.label = std::move(labels);
  sample.gauge.value = value;
  sample.counter.value = value;
  return sample;
}

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_METRICS_FAMILIES_H_
