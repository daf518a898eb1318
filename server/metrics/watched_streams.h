// Gauges of the configured watched streams, which alone have series of their own.
//
// Thread-safe. Cost: one StatsNow() a stream.
#ifndef MILLRACE_SERVER_METRICS_WATCHED_STREAMS_H_
#define MILLRACE_SERVER_METRICS_WATCHED_STREAMS_H_

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "server/runtime.h"

namespace millrace::server {

// Streams that are not there (not opened yet, closed, deleted) and figures that a stream does not
// have are left out.
void AddWatchedStreams(Runtime* runtime, const std::vector<std::string>& streams,
                       std::vector<prometheus::MetricFamily>* families);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_METRICS_WATCHED_STREAMS_H_
