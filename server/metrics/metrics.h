// What happened, as Prometheus counters and histograms: the runtime's events and the RPCs.
//
//   auto metrics = std::make_shared<ServerMetrics>();
//   Runtime::Open(options, metrics.get());
//   metrics->RpcDone("Streams/GetStream", grpc::StatusCode::OK, 0.0012);
//
// Names follow Prometheus: prefix millrace_, base units, _total for counters; deploy/README.md
// lists them. No label names a stream. A label takes at most 10 000 values; what comes after them
// is counted under "other", so that no client can grow the server's memory by inventing names.
// Thread-safe. Cost of what comes with every part or batch: atomic additions, some tens of
// nanoseconds and no lock; of what comes seldom: a lock and a look-up.
#ifndef MILLRACE_SERVER_METRICS_METRICS_H_
#define MILLRACE_SERVER_METRICS_METRICS_H_

#include <grpcpp/support/status_code_enum.h>
#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/metrics/histogram.h"
#include "server/runtime.h"

namespace millrace::server {

// The counters of a family with one label, found by its value. A thread that asks for the same
// value again takes no lock.
class LabelledCounter {
 public:
  LabelledCounter(prometheus::Family<prometheus::Counter>* family, std::string label);
  prometheus::Counter& Of(const std::string& value);

 private:
  prometheus::Counter* Find(const std::string& value);

  const std::uint64_t number_;  // of this object in the process: addresses come again
  prometheus::Family<prometheus::Counter>* const family_;
  const std::string label_;
  std::mutex mutex_;
  std::unordered_map<std::string, prometheus::Counter*> counters_;
};

class ServerMetrics final : public RuntimeObserver, public prometheus::Collectable {
 public:
  ServerMetrics();

  std::vector<prometheus::MetricFamily> Collect() const override;

  // `method` is "Service/Method". Calls that last as long as their client likes (Learn,
  // WatchStats) are counted only.
  void RpcDone(const std::string& method, grpc::StatusCode code);
  void RpcDone(const std::string& method, grpc::StatusCode code, double wall_s);
  // One answer of the HTTP port.
  void HttpDone(const std::string& path, int status, std::size_t bytes, double wall_s);
  prometheus::Gauge& learn_calls_open() { return *learn_calls_open_; }
  prometheus::Gauge& watch_calls_open() { return *watch_calls_open_; }

  void OnApplied(const std::string& model, std::uint64_t steps, double apply_s) override;
  void OnBegun(double wait_s) override;
  void OnLearnerTimed(const std::string& model, std::uint64_t steps, double apply_s,
                      double learner_s) override;
  void OnPartRefused(const std::string& model, const std::string& reason) override;
  void OnJournal(std::int64_t bytes, double write_s) override;
  void OnSync(double sync_s) override;
  void OnSnapshot(const std::string& model, std::int64_t bytes, double write_s) override;
  void OnBatch(std::int64_t streams, std::int64_t steps) override;
  void OnResumed(std::int64_t streams, std::int64_t replayed_events, double wall_s) override;

 private:
  const std::unique_ptr<prometheus::Registry> registry_;
  LabelledCounter steps_, refused_parts_, timed_steps_, timed_apply_s_, timed_learner_s_;
  Histogram queue_wait_s_, apply_s_, step_s_, journal_write_s_, journal_sync_s_, snapshot_write_s_;
  Histogram batch_streams_, batch_steps_, http_s_;
  prometheus::Counter *journal_bytes_, *snapshot_bytes_;
  prometheus::Family<prometheus::Counter>* rpcs_;
  prometheus::Family<prometheus::Histogram>* rpc_s_;
  prometheus::Family<prometheus::Counter>* http_requests_;
  prometheus::Counter* http_sent_bytes_;
  prometheus::Gauge *learn_calls_open_, *watch_calls_open_;
  prometheus::Gauge *resumed_streams_, *replayed_events_, *resume_s_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_METRICS_METRICS_H_
