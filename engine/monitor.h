// The monitor: how well a stream adapts, measured on the predictions that were issued.
//
// gain = loss_shadow - loss_live; recovery = gain / (loss_shadow - loss_reference).
// Averages are exponential (half-life in scored units), bias-corrected by their own weight. A unit
// is a release of targets where they come in blocks, else a step; its loss is the mean over its
// scored steps. Page-Hinkley (Page 1954, Hinkley 1971) on the served loss marks shifts: the
// statistic is m_t = sum (l - mean - delta), a mark is raised when m_t - min m > threshold (both in
// units of the running standard deviation of the loss), dated at the arg-min. The reference is the
// mean served loss of the 50 units before that date, or the client's own, kept until the next mark.
// Recovery is not clipped, and absent unless the denominator exceeds twice its standard error over
// units. Time to recover runs from the mark until the live average stays below
// reference + 10 % of (shock - reference) for one half-life; the next mark censors it.
// The same detector on novelty raises input marks, which need no target.
//
// serve = live | shadow | guarded. Guarded goes over to the shadow while the live average is above
// the shadow's by `guard_margin` (relative) over `guard_units` units; the caller freezes learning.
// It returns only on Unguard().
//
// All state is float64 or integers and counts units or steps, never time. Thread-compatible;
// nothing is allocated after construction but for marks (at most 32 kept).
#ifndef MILLRACE_ENGINE_MONITOR_H_
#define MILLRACE_ENGINE_MONITOR_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "engine/spec.h"
#include "engine/state.h"
#include "engine/stats.h"

namespace millrace::engine {

// The list of monitors: "standard" {half_life (units), shadow_after (scored steps; 0: on request
// only), shadow_normaliser: running|frozen, serve: live|shadow|guarded, guard_margin, guard_units,
// score_inferred: flag, shift_delta, shift_threshold, shift_warmup (units), reference_units (50),
// reference_loss (absent: measured; expressed as number with default -1 = measured; changeable)}.
std::vector<PartDescription> DescribeMonitors();

// One scored step, as it was issued.
struct ScoredStep {
  std::uint64_t seq = 0;
  double live_loss = 0;
  std::optional<double> shadow_loss;
  bool served_shadow = false;  // which of the two was sent
  // Classification.
  std::optional<bool> live_correct, shadow_correct;
  std::optional<double> brier;  // of the served probabilities: sum_k (p_k - y_k)^2
  // Regression: served residual per output [m], NaN where not known; empty otherwise.
  absl::Span<const double> residual;
};

class Monitor {
 public:
  Monitor(const PartSpec& resolved_monitor, std::int64_t outputs, bool classification);

  // A unit is Begin, Score..., End. A unit with no scored step leaves everything as it was.
  void BeginUnit();
  void Score(const ScoredStep& step);
  void EndUnit(std::uint64_t seq);

  // Every step, target or not. `disagreement` where there is a shadow.
  void Step(std::uint64_t seq, double novelty, std::optional<double> disagreement);

  // A shadow was taken at this step: shadow averages start anew.
  void TookShadow(std::uint64_t seq);
  // The model asks for a shadow after N scored steps, and that moment has come (once).
  bool ShadowDue() const;
  bool has_shadow() const { return shadow_seq_ > 0; }
  bool shadow_normaliser_frozen() const { return freeze_normaliser_; }

  void MarkClosedLoop() { closed_loop_ = true; }
  // What is served now. Guarded went over: the caller freezes learning.
  bool serving_shadow() const { return serving_shadow_; }
  bool guard_tripped() const { return guard_tripped_; }
  void Unguard();

  // Changeable settings (monitor.reference_loss).
  void Change(const PartSpec& resolved_monitor);

  // sd [m]: running root mean square of served residuals; NaN until there is one.
  absl::Span<const double> residual_sd() const { return residual_sd_; }
  // Of the unit that ended last, for the reply.
  std::optional<double> unit_live_loss() const;   // served loss
  std::optional<double> unit_shadow_loss() const;

  void Fill(StreamStats* stats) const;
  void Visit(StateVisitor& visitor);  // role kStream

 private:
  // The implementation chooses its own members; these are what the inline functions above use.
  std::uint64_t shadow_seq_ = 0;
  bool freeze_normaliser_ = false;
  bool closed_loop_ = false;
  bool serving_shadow_ = false;
  bool guard_tripped_ = false;
  std::vector<double> residual_sd_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_MONITOR_H_
