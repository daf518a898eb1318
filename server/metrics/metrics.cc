#include "server/metrics/metrics.h"

#include <atomic>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/metrics/families.h"

namespace millrace::server {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::MetricType;
using prometheus::Registry;

constexpr std::size_t kMostLabelValues = 10000;

std::uint64_t NextNumber() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

Family<Counter>* Counters(Registry* registry, const char* name, const char* help) {
  return &BuildCounter().Name(name).Help(help).Register(*registry);
}

Counter* OneCounter(Registry* registry, const char* name, const char* help) {
  return &Counters(registry, name, help)->Add({});
}

Gauge* OneGauge(Registry* registry, const char* name, const char* help) {
  return &BuildGauge().Name(name).Help(help).Register(*registry).Add({});
}

// As in the wire's documentation.
const char* CodeName(grpc::StatusCode code) {
  static constexpr const char* kNames[] = {"OK",
                                           "CANCELLED",
                                           "UNKNOWN",
                                           "INVALID_ARGUMENT",
                                           "DEADLINE_EXCEEDED",
                                           "NOT_FOUND",
                                           "ALREADY_EXISTS",
                                           "PERMISSION_DENIED",
                                           "RESOURCE_EXHAUSTED",
                                           "FAILED_PRECONDITION",
                                           "ABORTED",
                                           "OUT_OF_RANGE",
                                           "UNIMPLEMENTED",
                                           "INTERNAL",
                                           "UNAVAILABLE",
                                           "DATA_LOSS",
                                           "UNAUTHENTICATED"};
  const auto index = static_cast<std::size_t>(code);
  return index < std::size(kNames) ? kNames[index] : "UNKNOWN";
}

}  // namespace

LabelledCounter::LabelledCounter(Family<Counter>* family, std::string label)
    : number_(NextNumber()), family_(family), label_(std::move(label)) {}

Counter& LabelledCounter::Of(const std::string& value) {
  struct Last {
    std::uint64_t number = 0;
    std::string value;
    Counter* counter = nullptr;
  };
  thread_local Last last;
  if (last.number != number_ || last.value != value) last = {number_, value, Find(value)};
  return *last.counter;
}

Counter* LabelledCounter::Find(const std::string& value) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = counters_.find(value);
  if (found != counters_.end()) return found->second;
  if (counters_.size() >= kMostLabelValues) return &family_->Add({{label_, "other"}});
  Counter* counter = &family_->Add({{label_, value}});
  counters_.emplace(value, counter);
  return counter;
}

ServerMetrics::ServerMetrics()
    : registry_(std::make_unique<Registry>()),
      steps_(Counters(registry_.get(), "millrace_steps_total", "Steps applied."), "model"),
      refused_parts_(Counters(registry_.get(), "millrace_parts_refused_total",
                              "Parts of Learn messages that were refused, by ErrorInfo reason."),
                     "reason"),
      timed_steps_(Counters(registry_.get(), "millrace_timed_steps_total",
                            "Steps of the turns that were timed, one turn in 64."),
                   "model"),
      timed_apply_s_(Counters(registry_.get(), "millrace_timed_apply_seconds_total",
                              "Time to apply those steps: predict, score, learn."),
                     "model"),
      timed_learner_s_(Counters(registry_.get(), "millrace_timed_learner_seconds_total",
                                "What of that time the learner took."),
                       "model"),
      queue_wait_s_(SecondsBounds()),
      apply_s_(SecondsBounds()),
      step_s_(SecondsBounds()),
      journal_write_s_(SecondsBounds()),
      journal_sync_s_(SecondsBounds()),
      snapshot_write_s_(SecondsBounds()),
      batch_streams_(CountBounds()),
      batch_steps_(CountBounds()),
      http_s_(SecondsBounds()) {
  Registry* registry = registry_.get();
  journal_bytes_ =
      OneCounter(registry, "millrace_journal_written_bytes_total", "Bytes written to the journal.");
  snapshot_bytes_ =
      OneCounter(registry, "millrace_snapshot_written_bytes_total", "Bytes of snapshots written.");
  rpcs_ = Counters(registry, "millrace_rpcs_total", "RPCs ended, by method and status code.");
  rpc_s_ = &BuildHistogram()
                .Name("millrace_rpc_seconds")
                .Help("Time from an RPC's arrival to its answer; Learn and WatchStats excluded.")
                .Register(*registry);
  http_requests_ = Counters(registry, "millrace_http_requests_total",
                            "Answers of the HTTP port, by path and HTTP status.");
  http_sent_bytes_ = OneCounter(registry, "millrace_http_sent_bytes_total",
                                "Bytes of bodies that the HTTP port sent.");
  learn_calls_open_ = OneGauge(registry, "millrace_learn_calls_open", "Learn calls open now.");
  watch_calls_open_ = OneGauge(registry, "millrace_watch_calls_open", "WatchStats calls open now.");
  resumed_streams_ =
      OneGauge(registry, "millrace_resumed_streams", "Streams found in the store at start.");
  replayed_events_ = OneGauge(registry, "millrace_replayed_events",
                              "Journal events replayed at start and when streams came back.");
  resume_s_ = OneGauge(registry, "millrace_resume_seconds", "Time that took.");
}

std::vector<prometheus::MetricFamily> ServerMetrics::Collect() const {
  struct Row {
    const char* name;
    const char* help;
    const Histogram* histogram;
  };
  const Row rows[] = {
      {"millrace_queue_wait_seconds",
       "Time from a part's acceptance to the first of its steps, the journal's write included.",
       &queue_wait_s_},
      {"millrace_apply_seconds", "Time to apply the steps of one part of one stream.", &apply_s_},
      {"millrace_step_seconds", "Time to apply one step: the mean over its part.", &step_s_},
      {"millrace_journal_write_seconds",
       "Time of one write of the journal, before its steps are applied.", &journal_write_s_},
      {"millrace_journal_sync_seconds", "Time of one group commit (fsync).", &journal_sync_s_},
      {"millrace_snapshot_write_seconds", "Time to write one stream's snapshot.",
       &snapshot_write_s_},
      {"millrace_batch_streams", "Streams in one batch.", &batch_streams_},
      {"millrace_batch_steps", "Steps in one batch.", &batch_steps_},
      {"millrace_http_seconds", "Time to answer on the HTTP port.", &http_s_},
  };
  std::vector<prometheus::MetricFamily> families = registry_->Collect();
  for (const Row& row : rows) {
    families.push_back(MakeFamily(row.name, row.help, MetricType::Histogram));
    families.back().metric.push_back(row.histogram->Collect());
  }
  return families;
}

void ServerMetrics::RpcDone(const std::string& method, grpc::StatusCode code) {
  rpcs_->Add({{"method", method}, {"code", CodeName(code)}}).Increment();
}

void ServerMetrics::RpcDone(const std::string& method, grpc::StatusCode code, double wall_s) {
  RpcDone(method, code);
  rpc_s_->Add({{"method", method}, {"code", CodeName(code)}}, SecondsBounds()).Observe(wall_s);
}

void ServerMetrics::HttpDone(const std::string& path, int status, std::size_t bytes,
                             double wall_s) {
  http_requests_->Add({{"path", path}, {"code", absl::StrCat(status)}}).Increment();
  http_sent_bytes_->Increment(static_cast<double>(bytes));
  http_s_.Observe(wall_s);
}

void ServerMetrics::OnApplied(const std::string& model, std::uint64_t steps, double apply_s) {
  steps_.Of(model).Increment(static_cast<double>(steps));
  apply_s_.Observe(apply_s);
  if (steps > 0) step_s_.Observe(apply_s / static_cast<double>(steps), steps);
}

void ServerMetrics::OnBegun(double wait_s) { queue_wait_s_.Observe(wait_s); }

void ServerMetrics::OnLearnerTimed(const std::string& model, std::uint64_t steps, double apply_s,
                                   double learner_s) {
  timed_steps_.Of(model).Increment(static_cast<double>(steps));
  timed_apply_s_.Of(model).Increment(apply_s);
  timed_learner_s_.Of(model).Increment(learner_s);
}

void ServerMetrics::OnPartRefused(const std::string&, const std::string& reason) {
  refused_parts_.Of(reason).Increment();
}

void ServerMetrics::OnJournal(std::int64_t bytes, double write_s) {
  journal_bytes_->Increment(static_cast<double>(bytes));
  journal_write_s_.Observe(write_s);
}

void ServerMetrics::OnSync(double sync_s) { journal_sync_s_.Observe(sync_s); }

void ServerMetrics::OnSnapshot(const std::string&, std::int64_t bytes, double write_s) {
  snapshot_bytes_->Increment(static_cast<double>(bytes));
  snapshot_write_s_.Observe(write_s);
}

void ServerMetrics::OnBatch(std::int64_t streams, std::int64_t steps) {
  batch_streams_.Observe(static_cast<double>(streams));
  batch_steps_.Observe(static_cast<double>(steps));
}

void ServerMetrics::OnResumed(std::int64_t streams, std::int64_t replayed_events, double wall_s) {
  resumed_streams_->Increment(static_cast<double>(streams));
  replayed_events_->Increment(static_cast<double>(replayed_events));
  resume_s_->Increment(wall_s);
}

}  // namespace millrace::server
