// How one stream adapts, at one moment. The figures' definitions are in the wire contract
// (proto/millrace/v1/stats.proto), field by field under the same names.
#ifndef MILLRACE_ENGINE_STATS_H_
#define MILLRACE_ENGINE_STATS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::engine {

struct ShiftMark {
  enum class Cause { kLoss, kInput };
  Cause cause = Cause::kLoss;
  std::uint64_t seq = 0;  // where the change is dated
  std::uint64_t detected_seq = 0;
  std::optional<std::uint64_t> units_to_recover;
  bool censored = false;
};

// How the gradient looked at the sampled updates.
struct Diagnostics {
  std::uint64_t samples = 0, seq = 0;
  std::vector<double> gradient_norm = {};  // by group
  std::optional<double> gradient_ratio = {}, self_propagation = {}, absolute_self_propagation = {};
  std::optional<double> sensitivity_norm = {}, condition_number = {};
  std::optional<std::uint64_t> effective_rank = {};
  std::optional<double> exact_cosine = {}, exact_norm_ratio = {};
};

struct Advice {
  std::string code;
  std::string sentence;
};

struct StreamStats {
  std::uint64_t applied_seq = 0, learned_seq = 0;
  std::uint64_t skipped_steps = 0, target_steps = 0, scored_units = 0;
  std::uint64_t scored_steps = 0, updates = 0;
  std::uint64_t refused_updates = 0, clipped_updates = 0, divergences = 0, restores = 0;
  std::uint64_t resets = 0, untargeted_steps = 0, inferred_targets = 0, unlearned_targets = 0;
  bool frozen = false;
  std::uint64_t open_steps = 0, trailing_steps = 0;
  bool serving_shadow = false;
  bool guarded = false;        // serve = guarded
  bool guard_tripped = false;  // guarded, and went over to the shadow
  std::optional<double> live_loss, shadow_loss, gain, recovery, reference_loss, mean_loss;
  std::optional<std::uint64_t> shadow_seq;
  bool shadow_normaliser_frozen = false;
  bool open_loop_estimate = false;
  std::optional<double> accuracy, shadow_accuracy, brier_score;
  std::vector<double> residual_sd;  // [m]
  std::optional<double> coverage, novelty, disagreement;
  std::vector<std::uint32_t> silent_channels;
  std::vector<std::uint64_t> missing_values;  // [d]
  std::vector<std::string> groups;
  std::vector<double> gradient_norm, relative_change;  // by group
  std::vector<ShiftMark> marks;                        // the latest 32, oldest first
  std::uint64_t shifts = 0;                            // marks raised so far
  std::optional<Diagnostics> diagnostics;
  std::vector<Advice> advice;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_STATS_H_
