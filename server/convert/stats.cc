#include "server/convert/stats.h"

#include <cstdint>
#include <string>

namespace millrace::server {
namespace {

void FillCounters(const engine::StreamStats& stats, v1::StreamStats* wire) {
  wire->set_applied_seq(stats.applied_seq);
  wire->set_learned_seq(stats.learned_seq);
  wire->set_skipped_steps(stats.skipped_steps);
  wire->set_target_steps(stats.target_steps);
  wire->set_scored_units(stats.scored_units);
  wire->set_updates(stats.updates);
  wire->set_refused_updates(stats.refused_updates);
  wire->set_clipped_updates(stats.clipped_updates);
  wire->set_divergences(stats.divergences);
  wire->set_restores(stats.restores);
  wire->set_resets(stats.resets);
  wire->set_untargeted_steps(stats.untargeted_steps);
  wire->set_inferred_targets(stats.inferred_targets);
  wire->set_unlearned_targets(stats.unlearned_targets);
}

void FillState(const engine::StreamStats& stats, v1::StreamStats* wire) {
  wire->set_frozen(stats.frozen);
  wire->set_open_steps(stats.open_steps);
  wire->set_trailing_steps(stats.trailing_steps);
  wire->set_serving(stats.serving_shadow ? "shadow" : "live");
  wire->set_guarded(stats.guarded);
  wire->set_guard_tripped(stats.guard_tripped);
  if (stats.shadow_seq.has_value()) wire->set_shadow_seq(*stats.shadow_seq);
  wire->set_shadow_normaliser(stats.shadow_normaliser_frozen ? "frozen" : "running");
  wire->set_open_loop_estimate(stats.open_loop_estimate);
}

void FillLosses(const engine::StreamStats& stats, v1::StreamStats* wire) {
  if (stats.live_loss.has_value()) wire->set_live_loss(*stats.live_loss);
  if (stats.shadow_loss.has_value()) wire->set_shadow_loss(*stats.shadow_loss);
  if (stats.gain.has_value()) wire->set_gain(*stats.gain);
  if (stats.recovery.has_value()) wire->set_recovery(*stats.recovery);
  if (stats.reference_loss.has_value()) wire->set_reference_loss(*stats.reference_loss);
  if (stats.mean_loss.has_value()) wire->set_mean_loss(*stats.mean_loss);
  if (stats.accuracy.has_value()) wire->set_accuracy(*stats.accuracy);
  if (stats.shadow_accuracy.has_value()) wire->set_shadow_accuracy(*stats.shadow_accuracy);
  if (stats.brier_score.has_value()) wire->set_brier_score(*stats.brier_score);
  if (stats.coverage.has_value()) wire->set_coverage(*stats.coverage);
  if (stats.novelty.has_value()) wire->set_novelty(*stats.novelty);
  if (stats.disagreement.has_value()) wire->set_disagreement(*stats.disagreement);
}

void FillLists(const engine::StreamStats& stats, v1::StreamStats* wire) {
  wire->mutable_residual_sd()->Add(stats.residual_sd.begin(), stats.residual_sd.end());
  wire->mutable_silent_channels()->Add(stats.silent_channels.begin(), stats.silent_channels.end());
  for (const std::uint64_t missing : stats.missing_values) wire->add_missing_values(missing);
  for (const std::string& group : stats.groups) wire->add_groups(group);
  wire->mutable_gradient_norm()->Add(stats.gradient_norm.begin(), stats.gradient_norm.end());
  wire->mutable_relative_change()->Add(stats.relative_change.begin(), stats.relative_change.end());
}

void FillMark(const engine::ShiftMark& mark, v1::ShiftMark* wire) {
  wire->set_cause(mark.cause == engine::ShiftMark::Cause::kLoss ? v1::ShiftMark::CAUSE_LOSS
                                                                : v1::ShiftMark::CAUSE_INPUT);
  wire->set_seq(mark.seq);
  wire->set_detected_seq(mark.detected_seq);
  if (mark.units_to_recover.has_value()) wire->set_units_to_recover(*mark.units_to_recover);
  wire->set_censored(mark.censored);
}

void FillDiagnostics(const engine::Diagnostics& figures, v1::Diagnostics* wire) {
  wire->set_samples(figures.samples);
  wire->set_seq(figures.seq);
  wire->mutable_gradient_norm()->Add(figures.gradient_norm.begin(), figures.gradient_norm.end());
  if (figures.gradient_ratio.has_value()) wire->set_gradient_ratio(*figures.gradient_ratio);
  if (figures.self_propagation.has_value()) wire->set_self_propagation(*figures.self_propagation);
  if (figures.absolute_self_propagation.has_value()) {
    wire->set_absolute_self_propagation(*figures.absolute_self_propagation);
  }
  if (figures.sensitivity_norm.has_value()) wire->set_sensitivity_norm(*figures.sensitivity_norm);
  if (figures.condition_number.has_value()) wire->set_condition_number(*figures.condition_number);
  if (figures.effective_rank.has_value()) wire->set_effective_rank(*figures.effective_rank);
  if (figures.exact_cosine.has_value()) wire->set_exact_cosine(*figures.exact_cosine);
  if (figures.exact_norm_ratio.has_value()) wire->set_exact_norm_ratio(*figures.exact_norm_ratio);
}

}  // namespace

v1::StreamStats ToWire(const engine::StreamStats& stats) {
  v1::StreamStats wire;
  FillCounters(stats, &wire);
  FillState(stats, &wire);
  FillLosses(stats, &wire);
  FillLists(stats, &wire);
  for (const engine::ShiftMark& mark : stats.marks) FillMark(mark, wire.add_marks());
  wire.set_shifts(stats.shifts);
  if (stats.diagnostics.has_value()) {
    FillDiagnostics(*stats.diagnostics, wire.mutable_diagnostics());
  }
  for (const engine::Advice& advice : stats.advice) {
    v1::Advice* const one = wire.add_advice();
    one->set_code(advice.code);
    one->set_sentence(advice.sentence);
  }
  return wire;
}

}  // namespace millrace::server
