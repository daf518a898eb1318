#include "server/metrics/figures_collector.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"

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
    {"millrace_refused_updates_total",
     "Updates not done because the gradient, loss or state was not finite.",
     &ModelFigures::refused_updates},
    {"millrace_divergences_total", "Divergences of streams.", &ModelFigures::divergences},
    {"millrace_shifts_total", "Shift marks raised.", &ModelFigures::shifts},
};

struct CountRow {
  const char* name;
  const char* help;
  std::int64_t ModelFigures::*member;
};
constexpr CountRow kCounts[] = {
    {"millrace_streams_frozen", "Streams whose learning is frozen.", &ModelFigures::frozen},
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
    {"millrace_journal_bytes", "Journal kept since the oldest snapshots needed.",
     &RuntimeFigures::journal_bytes},
    {"millrace_queued_parts", "Parts accepted and not yet answered.",
     &RuntimeFigures::queued_parts},
    {"millrace_store_free_bytes", "Free space of the store's file system.",
     &RuntimeFigures::free_bytes},
};

std::optional<double> LatestUnitsToRecover(const v1::StreamStats& stats) {
  for (auto mark = stats.marks().rbegin(); mark != stats.marks().rend(); ++mark) {
    if (mark->has_units_to_recover()) return static_cast<double>(mark->units_to_recover());
  }
  return std::nullopt;
}

struct WatchedRow {
  const char* name;
  const char* help;
  std::optional<double> (*figure)(const v1::StreamStats&);
};
constexpr WatchedRow kWatched[] = {
    {"millrace_stream_live_loss", "Running loss of a watched stream's network that learns.",
     [](const v1::StreamStats& s) {
       return s.has_live_loss() ? std::optional(s.live_loss()) : std::nullopt;
     }},
    {"millrace_stream_shadow_loss", "Running loss of a watched stream's shadow.",
     [](const v1::StreamStats& s) {
       return s.has_shadow_loss() ? std::optional(s.shadow_loss()) : std::nullopt;
     }},
    {"millrace_stream_gain", "Shadow loss less live loss of a watched stream.",
     [](const v1::StreamStats& s) {
       return s.has_gain() ? std::optional(s.gain()) : std::nullopt;
     }},
    {"millrace_stream_recovery", "Recovery of a watched stream.",
     [](const v1::StreamStats& s) {
       return s.has_recovery() ? std::optional(s.recovery()) : std::nullopt;
     }},
    {"millrace_stream_applied_steps", "Last step observed of a watched stream.",
     [](const v1::StreamStats& s) { return std::optional(static_cast<double>(s.applied_seq())); }},
    {"millrace_stream_shifts", "Shift marks raised by a watched stream.",
     [](const v1::StreamStats& s) { return std::optional(static_cast<double>(s.shifts())); }},
    {"millrace_stream_last_shift_seq", "Step at which a watched stream's latest shift is dated.",
     [](const v1::StreamStats& s) {
       return s.marks().empty() ? std::nullopt
                                : std::optional(static_cast<double>(s.marks().rbegin()->seq()));
     }},
    {"millrace_stream_reference_loss",
     "Loss that recovery of a watched stream is measured against.",
     [](const v1::StreamStats& s) {
       return s.has_reference_loss() ? std::optional(s.reference_loss()) : std::nullopt;
     }},
    {"millrace_stream_accuracy", "Running accuracy of a watched stream that classifies.",
     [](const v1::StreamStats& s) {
       return s.has_accuracy() ? std::optional(s.accuracy()) : std::nullopt;
     }},
    {"millrace_stream_brier_score", "Running Brier score of a watched stream that classifies.",
     [](const v1::StreamStats& s) {
       return s.has_brier_score() ? std::optional(s.brier_score()) : std::nullopt;
     }},
    {"millrace_stream_coverage",
     "Part of a watched stream's targets within one standard deviation of the residuals.",
     [](const v1::StreamStats& s) {
       return s.has_coverage() ? std::optional(s.coverage()) : std::nullopt;
     }},
    {"millrace_stream_novelty", "Running mean square of a watched stream's normalised inputs.",
     [](const v1::StreamStats& s) {
       return s.has_novelty() ? std::optional(s.novelty()) : std::nullopt;
     }},
    {"millrace_stream_disagreement",
     "Running mean square of a watched stream's live outputs less its shadow's.",
     [](const v1::StreamStats& s) {
       return s.has_disagreement() ? std::optional(s.disagreement()) : std::nullopt;
     }},
    {"millrace_stream_silent_channels", "Input channels of a watched stream that do not change.",
     [](const v1::StreamStats& s) {
       return std::optional(static_cast<double>(s.silent_channels_size()));
     }},
    {"millrace_stream_trailing_steps", "Steps by which a watched stream's learner trails.",
     [](const v1::StreamStats& s) {
       return std::optional(static_cast<double>(s.trailing_steps()));
     }},
    {"millrace_stream_open_steps", "Steps of a watched stream that wait for their target.",
     [](const v1::StreamStats& s) { return std::optional(static_cast<double>(s.open_steps())); }},
    {"millrace_stream_units_to_recover",
     "Scored units from a watched stream's latest shift that is over to its recovery.",
     [](const v1::StreamStats& s) { return LatestUnitsToRecover(s); }},
    {"millrace_stream_advice", "Pieces of advice that the diagnostics give a watched stream.",
     [](const v1::StreamStats& s) { return std::optional(static_cast<double>(s.advice_size())); }},
};

// Of a watched stream's diagnostics.
struct DiagnosticRow {
  const char* name;
  const char* help;
  bool (v1::Diagnostics::*has)() const;
  double (*figure)(const v1::Diagnostics&);
};
using Sampled = v1::Diagnostics;
constexpr DiagnosticRow kDiagnostics[] = {
    {"millrace_stream_gradient_ratio",
     "Norm of a watched stream's recurrent gradient over its readout's.",
     &Sampled::has_gradient_ratio, [](const Sampled& d) { return d.gradient_ratio(); }},
    {"millrace_stream_self_propagation",
     "Mean of the diagonal of a watched stream's state Jacobian.", &Sampled::has_self_propagation,
     [](const Sampled& d) { return d.self_propagation(); }},
    {"millrace_stream_absolute_self_propagation",
     "Mean absolute value of the diagonal of a watched stream's state Jacobian.",
     &Sampled::has_absolute_self_propagation,
     [](const Sampled& d) { return d.absolute_self_propagation(); }},
    {"millrace_stream_sensitivity_norm", "Frobenius norm of a watched stream's sensitivities.",
     &Sampled::has_sensitivity_norm, [](const Sampled& d) { return d.sensitivity_norm(); }},
    {"millrace_stream_condition_number", "Condition number of a watched stream's sensitivities.",
     &Sampled::has_condition_number, [](const Sampled& d) { return d.condition_number(); }},
    {"millrace_stream_effective_rank",
     "Singular values with 95 % of the squared norm of a watched stream's sensitivities.",
     &Sampled::has_effective_rank,
     [](const Sampled& d) { return static_cast<double>(d.effective_rank()); }},
    {"millrace_stream_exact_cosine", "Cosine of a watched stream's gradient to the exact one.",
     &Sampled::has_exact_cosine, [](const Sampled& d) { return d.exact_cosine(); }},
    {"millrace_stream_exact_norm_ratio",
     "Norm of a watched stream's gradient over the exact one's.", &Sampled::has_exact_norm_ratio,
     [](const Sampled& d) { return d.exact_norm_ratio(); }},
};

MetricFamily Family(const char* name, const char* help, MetricType type) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

ClientMetric Sample(std::vector<ClientMetric::Label> labels, double value) {
  ClientMetric sample;
  sample.label = std::move(labels);
  sample.gauge.value = value;
  sample.counter.value = value;
  return sample;
}

MetricFamily StreamsByState(const RuntimeFigures& figures) {
  MetricFamily family =
      Family("millrace_streams", "Streams, by where their state is.", MetricType::Gauge);
  for (const ModelFigures& model : figures.models) {
    family.metric.push_back(Sample({{"model", model.model}, {"state", "resident"}},
                                   static_cast<double>(model.resident)));
    family.metric.push_back(Sample({{"model", model.model}, {"state", "paged_out"}},
                                   static_cast<double>(model.streams - model.resident)));
  }
  return family;
}

void AddGauges(const RuntimeFigures& figures, std::vector<MetricFamily>* families) {
  families->push_back(StreamsByState(figures));
  for (const CountRow& row : kCounts) {
    families->push_back(Family(row.name, row.help, MetricType::Gauge));
    for (const ModelFigures& model : figures.models) {
      families->back().metric.push_back(
          Sample({{"model", model.model}}, static_cast<double>(model.*row.member)));
    }
  }
  for (const MeanRow& row : kMeans) {
    families->push_back(Family(row.name, row.help, MetricType::Gauge));
    for (const ModelFigures& model : figures.models) {
      if (model.*row.count == 0) continue;
      families->back().metric.push_back(Sample({{"model", model.model}}, model.*row.member));
    }
  }
  for (const StoreRow& row : kStore) {
    families->push_back(Family(row.name, row.help, MetricType::Gauge));
    families->back().metric.push_back(Sample({}, static_cast<double>(figures.*row.member)));
  }
}

// Families of kDiagnostics, then one of the gradient's norms by parameter group.
void AddDiagnosticFamilies(std::vector<MetricFamily>* families) {
  for (const DiagnosticRow& row : kDiagnostics) {
    families->push_back(Family(row.name, row.help, MetricType::Gauge));
  }
  families->push_back(Family("millrace_stream_gradient_norm",
                             "Norm of a watched stream's gradient before the clip, by group.",
                             MetricType::Gauge));
}

// `families` from the first of AddDiagnosticFamilies on.
void AddDiagnostics(const std::string& stream, const v1::StreamStats& stats,
                    MetricFamily* families) {
  if (!stats.has_diagnostics()) return;
  const v1::Diagnostics& diagnostics = stats.diagnostics();
  for (const DiagnosticRow& row : kDiagnostics) {
    MetricFamily& family = *families++;
    if (!(diagnostics.*row.has)()) continue;
    family.metric.push_back(Sample({{"stream", stream}}, row.figure(diagnostics)));
  }
  const int groups = std::min(stats.groups_size(), diagnostics.gradient_norm_size());
  for (int group = 0; group < groups; ++group) {
    families->metric.push_back(Sample({{"stream", stream}, {"group", stats.groups(group)}},
                                      diagnostics.gradient_norm(group)));
  }
}

std::map<std::string, ModelFigures> ByModel(const RuntimeFigures& figures) {
  std::map<std::string, ModelFigures> by_model;
  for (const ModelFigures& model : figures.models) by_model.emplace(model.model, model);
  return by_model;
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
    : runtime_(runtime),
      watched_streams_(std::move(watched_streams)),
      at_start_(ByModel(runtime->Figures())) {}

std::vector<MetricFamily> FiguresCollector::Collect() const {
  std::vector<MetricFamily> families;
  const RuntimeFigures figures = runtime_->Figures();
  AddCounters(figures, &families);
  AddGauges(figures, &families);
  AddWatched(&families);
  families.push_back(Family("millrace_healthy",
                            "1 while the store has space and no stream is quarantined.",
                            MetricType::Gauge));
  families.back().metric.push_back(Sample({}, runtime_->Health().ok() ? 1 : 0));
  return families;
}

void FiguresCollector::AddCounters(const RuntimeFigures& figures,
                                   std::vector<MetricFamily>* families) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const CounterRow& row : kCounters) {
    families->push_back(Family(row.name, row.help, MetricType::Counter));
    for (const ModelFigures& model : figures.models) {
      const auto at_start = at_start_.find(model.model);
      const std::uint64_t first = at_start == at_start_.end() ? 0 : at_start->second.*row.member;
      const double total = counters_[{row.name, model.model}].Total(model.*row.member, first);
      families->back().metric.push_back(Sample({{"model", model.model}}, total));
    }
  }
}

void FiguresCollector::AddWatched(std::vector<MetricFamily>* families) const {
  const std::size_t first = families->size();
  for (const WatchedRow& row : kWatched) {
    families->push_back(Family(row.name, row.help, MetricType::Gauge));
  }
  const std::size_t diagnostics = families->size();
  AddDiagnosticFamilies(families);
  for (const std::string& stream : watched_streams_) {
    const absl::StatusOr<v1::StreamStats> stats = runtime_->StatsNow(stream);
    if (!stats.ok()) continue;  // not opened yet, closed or deleted
    for (std::size_t i = 0; i < std::size(kWatched); ++i) {
      const std::optional<double> value = kWatched[i].figure(*stats);
      if (!value) continue;
      (*families)[first + i].metric.push_back(Sample({{"stream", stream}}, *value));
    }
    AddDiagnostics(stream, *stats, families->data() + diagnostics);
  }
}

}  // namespace millrace::server
