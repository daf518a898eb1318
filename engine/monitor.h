// The monitor: how well a stream adapts, measured on the predictions that were issued.
//
// A unit is a release of targets where they come in blocks, else a step; its loss is the mean over
// its scored steps. Averages are exponential (half-life in units), bias-corrected by their own
// weight. live_loss is of the network that learns; what is served is the same unless the shadow is.
//   gain = mean(loss_shadow - loss_live) over the units since the shadow was taken: the same units
//          for both, so that it starts at 0 (after a few half-lives it is shadow_loss - live_loss)
//   recovery = gain / D, D = shadow_loss - reference; not clipped. Absent unless
//          D > 2 sqrt(var_shadow / (n - 1) + var_reference / (n_reference - 1)), n the effective
//          number of units of the average, (sum w)^2 / sum w^2; the second term is 0 for the
//          client's own reference. Units are taken as independent.
// A Page-Hinkley detector on the served loss marks shifts (monitor/page_hinkley.h); reference and
// time to recover follow from a mark (monitor/marks.h). The reference is the mean served loss of
// the reference_units units before the mark's date, or the client's own, kept until the next mark.
// A detector of the same kind marks shifts of the input from novelty, which needs no target. Its
// values are means over blocks of 50 steps, since input is correlated from step to step: on 50 000
// steps of motor cortex it marks the change of the day and nothing else, where single steps give
// more than a hundred marks.
// On independent values the default detector raises less than one false mark in 100 000 (normal)
// or 20 000 (exponential), and finds a rise by one deviation after about 30; with a shift_delta of
// 0.05 it is one in 1 500, and 20.
//
// serve = live | shadow | guarded, changeable. Guarded judges blocks of `guard_units` units: it
// goes over to the shadow at the end of the first whose mean live loss is above the shadow's by
// more than `guard_margin` of it. Hence two bounds: whatever happens, in every block but the last
// before the change what was served is within the margin of the shadow; and from the unit on from
// which each is worse than the margin allows, at most 2 guard_units - 1 units are served live.
// Averages with memory would bound neither. A block begins with the shadow, with Unguard(), and
// where the guard's settings change. The caller freezes learning. It returns only on Unguard(), or
// where another policy is set.
//
// All state is float64 or integers and counts units or steps, never time. Thread-compatible;
// nothing is allocated after construction. O(m) a scored step; 5 KB a stream.
#ifndef MILLRACE_ENGINE_MONITOR_H_
#define MILLRACE_ENGINE_MONITOR_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "engine/monitor/averages.h"
#include "engine/monitor/marks.h"
#include "engine/monitor/page_hinkley.h"
#include "engine/spec.h"
#include "engine/state.h"
#include "engine/stats.h"

namespace millrace::engine {

// The list of monitors: "standard".
std::vector<PartDescription> DescribeMonitors();

// One scored step, as it was issued.
struct ScoredStep {
  std::uint64_t seq = 0;
  double live_loss = 0;
  std::optional<double> shadow_loss = {};
  bool served_shadow = false;  // which of the two was sent
  // Classification.
  std::optional<bool> live_correct = {};
  std::optional<bool> shadow_correct = {};
  std::optional<double> brier = {};  // of the served probabilities: sum_k (p_k - y_k)^2
  // Regression: served residual per output [m], NaN where not known; empty otherwise.
  absl::Span<const double> residual = {};
};

class Monitor {
 public:
  Monitor(const PartSpec& resolved_monitor, std::int64_t outputs, bool classification);

  // A unit is Begin, Score..., End. A unit with no scored step leaves everything as it was. A step
  // whose loss is not finite is no scored step.
  void BeginUnit();
  void Score(const ScoredStep& step);
  void EndUnit(std::uint64_t seq);

  // Every step, target or not. `disagreement` where there is a shadow. Novelty 0: no channel was
  // present, nothing is known.
  void Step(std::uint64_t seq, double novelty, std::optional<double> disagreement);

  // A shadow was taken at this step: shadow averages start anew.
  void TookShadow(std::uint64_t seq);
  // The model asks for a shadow after N scored steps, and that moment has come; not where there is
  // one already.
  bool ShadowDue() const;
  bool has_shadow() const { return has_shadow_; }
  // Whether the end of a unit may change what the stream does next: take a shadow, or serve it.
  bool acts_on_scores() const {
    return (shadow_after_ > 0 && !has_shadow_) || (serve_ == Serve::kGuarded && !guard_tripped_);
  }
  bool shadow_normaliser_frozen() const { return freeze_normaliser_; }

  void MarkClosedLoop() { closed_loop_ = true; }
  // What is served now. Guarded went over: the caller freezes learning.
  bool serving_shadow() const { return serving_shadow_; }
  bool guard_tripped() const { return guard_tripped_; }
  void Unguard();

  // Changeable settings: reference_loss, serve, guard_margin, guard_units.
  void Change(const PartSpec& resolved_monitor);

  // sd [m]: running root mean square of served residuals; NaN until there is one.
  absl::Span<const double> residual_sd() const { return residual_sd_; }
  void Fill(StreamStats* stats) const;
  void Visit(StateVisitor& visitor);  // role kStream

 private:
  // Sums over the scored steps of the unit that is open.
  struct Unit {
    std::int64_t steps = 0, shadow_steps = 0;
    double live = 0, served = 0, shadow = 0, live_with_shadow = 0;
    std::int64_t judged = 0, shadow_judged = 0, graded = 0, bounded = 0;
    double correct = 0, shadow_correct = 0, brier = 0, covered = 0;
  };

  void ScoreResidual(absl::Span<const double> residual);
  void EndResiduals();
  void EndShadowUnit();
  void Guard(double live, double shadow);
  void BeginGuardBlock();
  void Detect(double served, std::uint64_t seq);
  void ServeByPolicy();
  std::optional<double> GivenReference() const;
  std::optional<double> Recovery() const;

  enum class Serve { kLive, kShadow, kGuarded };
  static Serve ServeOf(const PartSpec& resolved_monitor);

  // Settings.
  double decay_;
  std::int64_t shadow_after_;
  bool freeze_normaliser_;
  Serve serve_;
  double guard_margin_;
  std::int64_t guard_units_;
  double given_reference_;  // below 0: measured
  bool classification_;

  Unit unit_;
  std::vector<double> unit_squares_;       // [m], of the open unit
  std::vector<std::int64_t> unit_counts_;  // [m]

  std::int64_t scored_steps_ = 0, scored_units_ = 0;
  double mean_loss_ = 0;
  Average live_, shadow_, gain_;
  Average guard_live_, guard_shadow_;  // of the block that is open
  std::int64_t guard_count_ = 0;       // its units
  Share accuracy_, shadow_accuracy_, brier_, coverage_;
  std::vector<double> square_sum_, square_count_;  // [m], decayed sums behind residual_sd_
  std::vector<double> residual_sd_;                // [m]
  Average novelty_, disagreement_;
  double block_novelty_ = 0;
  std::int64_t block_steps_ = 0;
  PageHinkley loss_detector_, input_detector_;
  Marks marks_;

  std::uint64_t shadow_seq_ = 0;
  bool has_shadow_ = false;
  bool closed_loop_ = false;
  bool serving_shadow_ = false;
  bool guard_tripped_ = false;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_MONITOR_H_
