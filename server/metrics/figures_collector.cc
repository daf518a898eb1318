#include "server/metrics/figures_collector.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/metrics/families.h"
#include "server/metrics/watched_streams.h"

namespace millrace::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

struct CounterRow {
  const char* name;
  const char* help;
  std::uint64_t ModelFigures::*member;
};
constexpr CounterRow kCounters[] = {
    {"millrace_updates_total", "Weight updates done.", &ModelFigures::updates},
    {"millrace_clipped_updates_total", "Updates whose gradient or change was clipped.",
     &ModelFigures::clipped_updates},
    {"millrace_divergences_total", "Divergences of streams.", &ModelFigures::divergences},
    {"millrace_restores_total", "Times that weights came back from the last good copy.",
     &ModelFigures::restores},
    {"millrace_shifts_total", "Shift marks raised.", &ModelFigures::shifts},
};

struct ReasonRow {
  const char* reason;
  std::uint64_t ModelFigures::*member;
};
constexpr char kSkipped[] = "millrace_skipped_updates_total";
constexpr ReasonRow kSkips[] = {
    {"not_finite", &ModelFigures::refused_updates},
    {"no_target", &ModelFigures::untargeted_steps},
    {"not_asked", &ModelFigures::unlearned_targets},
};

struct KindRow {
  const char* kind;
  std::int64_t engine::StreamBytes::*member;
};
constexpr KindRow kKinds[] = {
    {"weights", &engine::StreamBytes::weights},
    {"optimizer", &engine::StreamBytes::optimizer},
    {"sensitivities", &engine::StreamBytes::sensitivities},
    {"contexts", &engine::StreamBytes::contexts},
    {"shadow", &engine::StreamBytes::shadow},
    {"good_copy", &engine::StreamBytes::good_copy},
    {"window", &engine::StreamBytes::window},
    {"other", &engine::StreamBytes::other},
};

struct CountRow {
  const char* name;
  const char* help;
  std::int64_t ModelFigures::*member;
};
constexpr CountRow kCounts[] = {
    {"millrace_streams_frozen", "Streams whose learning is frozen.", &ModelFigures::frozen},
    {"millrace_streams_serving_shadow", "Streams that serve their shadow's predictions.",
     &ModelFigures::serving_shadow},
    {"millrace_streams_quarantined", "Streams with damaged pieces in the store.",
     &ModelFigures::quarantined},
    {"millrace_streams_resumed_inexactly",
     "Streams resumed on another numeric path than they were recorded on.",
     &ModelFigures::resumed_inexactly},
    {"millrace_live_loss_streams", "Streams that millrace_live_loss_mean is over.",
     &ModelFigures::with_live_loss},
    {"millrace_shadow_loss_streams",
     "Streams that millrace_shadow_loss_mean and millrace_gain_mean are over.",
     &ModelFigures::with_shadow_loss},
    {"millrace_recovery_streams", "Streams that millrace_recovery_mean is over.",
     &ModelFigures::with_recovery},
};

struct MeanRow {
  const char* name;
  const char* help;
  double ModelFigures::*member;
  std::int64_t ModelFigures::*count;
};
constexpr MeanRow kMeans[] = {
    {"millrace_live_loss_mean", "Mean over streams of the running loss of the network that learns.",
     &ModelFigures::live_loss, &ModelFigures::with_live_loss},
    {"millrace_shadow_loss_mean", "Mean over streams of the running loss of the shadow.",
     &ModelFigures::shadow_loss, &ModelFigures::with_shadow_loss},
    {"millrace_gain_mean",
     "Mean over streams of shadow loss less live loss since the shadow was taken.",
     &ModelFigures::gain, &ModelFigures::with_shadow_loss},
    {"millrace_recovery_mean", "Mean over streams of gain over (shadow loss less reference loss).",
     &ModelFigures::recovery, &ModelFigures::with_recovery},
};

struct StoreRow {
  const char* name;
  const char* help;
  std::int64_t RuntimeFigures::*member;
};
constexpr StoreRow kStore[] = {
    {"millrace_resident_bytes", "Memory of resident streams.", &RuntimeFigures::resident_bytes},
    {"millrace_memory_limit_bytes", "What resident streams may take.",
     &RuntimeFigures::memory_limit_bytes},
    {"millrace_journal_bytes", "Journal kept since the oldest snapshots needed.",
     &RuntimeFigures::journal_bytes},
    {"millrace_queued_parts", "Parts accepted and not yet answered.",
     &RuntimeFigures::queued_parts},
    {"millrace_store_free_bytes", "Free space of the store's file system.",
     &RuntimeFigures::free_bytes},
};

MetricFamily StreamsByState(const RuntimeFigures& figures) {
  MetricFamily family =
      MakeFamily("millrace_streams", "Streams, by where their state is.", MetricType::Gauge);
  for (const ModelFigures& model : figures.models) {
    family.metric.push_back(MakeSample({{"model", model.model}, {"state", "resident"}},
                                       static_cast<double>(model.resident)));
    family.metric.push_back(MakeSample({{"model", model.model}, {"state", "paged_out"}},
                                       static_cast<double>(model.streams - model.resident)));
  }
  return family;
}

MetricFamily BytesByKind(const RuntimeFigures& figures) {
  MetricFamily family = MakeFamily("millrace_state_bytes",
                                   "State of streams, by what it is and where.", MetricType::Gauge);
  const auto add = [&family](const char* tier, const char* kind, std::int64_t bytes) {
    family.metric.push_back(
        MakeSample({{"tier", tier}, {"kind", kind}}, static_cast<double>(bytes)));
  };
  for (const KindRow& row : kKinds) add("memory", row.kind, figures.memory.*row.member);
  if (figures.device.limit_bytes > 0) {
    add("device", "slots", figures.device.slot_bytes);
    add("device", "free_slots", figures.device.free_bytes);
    add("device", "staging", figures.device.staging_bytes);
    add("memory", "pinned_staging", figures.device.pinned_bytes);
    add("memory", "unpinned_staging", figures.device.unpinned_bytes);
  }
  add("store", "snapshots", figures.snapshot_bytes);
  add("store", "journal", figures.journal_bytes);
  return family;
}

void AddDevice(const engine::DeviceMemoryUsage& device, std::vector<MetricFamily>* families) {
  const auto add = [families](MetricFamily family, double value) {
    families->push_back(std::move(family));
    families->back().metric.push_back(MakeSample({}, value));
  };
  add(MakeFamily("millrace_device_memory_limit_bytes",
                 "What streams may take of a GPU's memory; 0 where none is in use.",
                 MetricType::Gauge),
      static_cast<double>(device.limit_bytes));
  add(MakeFamily("millrace_device_streams", "Streams whose state is on a GPU.", MetricType::Gauge),
      static_cast<double>(device.residents));
  add(MakeFamily("millrace_device_page_ins_total", "Times that a stream's state went to a GPU.",
                 MetricType::Counter),
      static_cast<double>(device.page_ins));
  add(MakeFamily("millrace_device_page_outs_total",
                 "Times that a stream's state left a GPU to make room for another's.",
                 MetricType::Counter),
      static_cast<double>(device.page_outs));
}

MetricFamily UndurableSteps(const RuntimeFigures& figures) {
  MetricFamily family = MakeFamily("millrace_undurable_steps",
                                   "Steps applied that the model's durability does not cover yet.",
                                   MetricType::Gauge);
  for (const ModelFigures& model : figures.models) {
    family.metric.push_back(
        MakeSample({{"model", model.model}}, static_cast<double>(model.undurable_steps)));
  }
  return family;
}

void AddGauges(const RuntimeFigures& figures, std::vector<MetricFamily>* families) {
  families->push_back(StreamsByState(figures));
  families->push_back(BytesByKind(figures));
  AddDevice(figures.device, families);
  families->push_back(UndurableSteps(figures));
  families->push_back(MakeFamily("millrace_journal_lost_writes",
                                 "Writes that were synced once and not found at start.",
                                 MetricType::Gauge));
  families->back().metric.push_back(MakeSample({}, static_cast<double>(figures.lost_writes)));
  for (const CountRow& row : kCounts) {
    families->push_back(MakeFamily(row.name, row.help, MetricType::Gauge));
    for (const ModelFigures& model : figures.models) {
      families->back().metric.push_back(
          MakeSample({{"model", model.model}}, static_cast<double>(model.*row.member)));
    }
  }
  for (const MeanRow& row : kMeans) {
    families->push_back(MakeFamily(row.name, row.help, MetricType::Gauge));
    for (const ModelFigures& model : figures.models) {
      if (model.*row.count == 0) continue;
      families->back().metric.push_back(MakeSample({{"model", model.model}}, model.*row.member));
    }
  }
  for (const StoreRow& row : kStore) {
    families->push_back(MakeFamily(row.name, row.help, MetricType::Gauge));
    families->back().metric.push_back(MakeSample({}, static_cast<double>(figures.*row.member)));
  }
}

}  // namespace

double RisingCounter::Total(std::uint64_t now, std::uint64_t first) {
  if (!seen_) last_ = first;
  seen_ = true;
  if (now > last_) total_ += static_cast<double>(now - last_);
  last_ = now;
  return total_;
}

FiguresCollector::FiguresCollector(Runtime* runtime, std::vector<std::string> watched_streams)
    : runtime_(runtime), watched_streams_(std::move(watched_streams)), at_start_(LookAtStart()) {}

std::map<std::string, ModelFigures> FiguresCollector::LookAtStart() {
  std::map<std::string, ModelFigures> by_model;
  ends_.BeginLook();
  const RuntimeFigures figures = runtime_->Figures(
      [this](const std::string& model, const v1::StreamStats& stats) { ends_.Look(model, stats); });
  for (const ModelFigures& model : figures.models) by_model.emplace(model.model, model);
  return by_model;
}

std::vector<MetricFamily> FiguresCollector::Collect() const {
  std::vector<MetricFamily> families;
  AddGauges(LookAtAll(&families), &families);
  AddWatchedStreams(runtime_, watched_streams_, &families);
  families.push_back(
      MakeFamily("millrace_healthy",
                 "1 while the store has space, no device has failed and no stream is "
                 "quarantined.",
                 MetricType::Gauge));
  families.back().metric.push_back(MakeSample({}, runtime_->Health().ok() ? 1 : 0));
  return families;
}

RuntimeFigures FiguresCollector::LookAtAll(std::vector<MetricFamily>* families) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  ends_.BeginLook();
  RuntimeFigures figures = runtime_->Figures(
      [this](const std::string& model, const v1::StreamStats& stats) { ends_.Look(model, stats); });
  ends_.EndLook();
  for (const CounterRow& row : kCounters) {
    families->push_back(MakeFamily(row.name, row.help, MetricType::Counter));
    for (const ModelFigures& model : figures.models) {
      families->back().metric.push_back(
          MakeSample({{"model", model.model}}, Total(row.name, model, row.member)));
    }
  }
  families->push_back(MakeFamily(
      kSkipped, "Updates not done, by why: a step without target or not to be learned from.",
      MetricType::Counter));
  for (const ModelFigures& model : figures.models) {
    for (const ReasonRow& row : kSkips) {
      families->back().metric.push_back(
          MakeSample({{"model", model.model}, {"reason", row.reason}},
                     Total(absl::StrCat(kSkipped, row.reason), model, row.member)));
    }
  }
  ends_.Collect(families);
  return figures;
}

double FiguresCollector::Total(const std::string& counter, const ModelFigures& model,
                               std::uint64_t ModelFigures::*member) const {
  const auto at_start = at_start_.find(model.model);
  const std::uint64_t first = at_start == at_start_.end() ? 0 : at_start->second.*member;
  return counters_[{counter, model.model}].Total(model.*member, first);
}

}  // namespace millrace::server
