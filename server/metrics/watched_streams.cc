#include "server/metrics/watched_streams.h"

#include <algorithm>
#include <optional>

#include "server/metrics/families.h"

namespace millrace::server {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

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
    {"millrace_stream_serving_shadow", "1 while a watched stream serves its shadow's predictions.",
     [](const v1::StreamStats& s) { return std::optional(s.serving() == "shadow" ? 1.0 : 0.0); }},
    {"millrace_stream_clipped_updates", "Updates of a watched stream that were clipped.",
     [](const v1::StreamStats& s) {
       return std::optional(static_cast<double>(s.clipped_updates()));
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

// Families of kDiagnostics, then one of the gradient's norms by parameter group.
void AddDiagnosticFamilies(std::vector<MetricFamily>* families) {
  for (const DiagnosticRow& row : kDiagnostics) {
    families->push_back(MakeFamily(row.name, row.help, MetricType::Gauge));
  }
  families->push_back(MakeFamily("millrace_stream_gradient_norm",
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
    family.metric.push_back(MakeSample({{"stream", stream}}, row.figure(diagnostics)));
  }
  const int groups = std::min(stats.groups_size(), diagnostics.gradient_norm_size());
  for (int group = 0; group < groups; ++group) {
    families->metric.push_back(MakeSample({{"stream", stream}, {"group", stats.groups(group)}},
                                          diagnostics.gradient_norm(group)));
  }
}

}  // namespace

void AddWatchedStreams(Runtime* runtime, const std::vector<std::string>& streams,
                       std::vector<MetricFamily>* families) {
  const std::size_t first = families->size();
  for (const WatchedRow& row : kWatched) {
    families->push_back(MakeFamily(row.name, row.help, MetricType::Gauge));
  }
  const std::size_t diagnostics = families->size();
  AddDiagnosticFamilies(families);
  for (const std::string& stream : streams) {
    const absl::StatusOr<v1::StreamStats> stats = runtime->StatsNow(stream);
    if (!stats.ok()) continue;  // not opened yet, closed or deleted
    for (std::size_t i = 0; i < std::size(kWatched); ++i) {
      const std::optional<double> value = kWatched[i].figure(*stats);
      if (!value) continue;
      (*families)[first + i].metric.push_back(MakeSample({{"stream", stream}}, *value));
    }
    AddDiagnostics(stream, *stats, families->data() + diagnostics);
  }
}

}  // namespace millrace::server
