// Events: every change to a stream, in one per-stream order. The journal stores events, replay
// repeats them, a snapshot stands at an event number.
//
// Events view memory of the caller, which must outlive Check and Apply.
#ifndef MILLRACE_ENGINE_EVENT_H_
#define MILLRACE_ENGINE_EVENT_H_

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "absl/types/span.h"
#include "engine/spec.h"

namespace millrace::engine {

enum class TargetSource { kMeasured, kInferred };

// Targets of `steps` consecutive steps from first_seq. Exactly one of values, classes,
// probabilities is not empty; each has rows for all steps, or one row that covers them all.
struct TargetBlock {
  std::uint64_t first_seq = 0;                  // ignored inside an Observe
  std::uint32_t steps = 0;                      // inside an Observe: 0 or T
  absl::Span<const float> values = {};          // [steps, m] or [1, m]; NaN: output not known
  absl::Span<const std::int32_t> classes = {};  // [steps] or [1]; -1: no target
  absl::Span<const float> probabilities = {};   // [steps, m] or [1, m]; a row of NaN: no target
  absl::Span<const float> weights = {};         // [steps], [1], or empty: 1
  TargetSource source = TargetSource::kMeasured;
};

// T steps from first_seq; steps at or below applied_seq are skipped. Exactly one of floats,
// raw_bytes, skip says what they are.
struct Observe {
  std::uint64_t first_seq = 0;
  absl::Span<const float> floats = {};            // [T, d]
  absl::Span<const std::uint8_t> raw_bytes = {};  // [T]
  std::uint32_t skip = 0;                         // T steps without input
  std::optional<TargetBlock> targets = {};
  absl::Span<const std::uint32_t> reset_before = {};  // offsets, rising
  absl::Span<const std::uint32_t> score_only = {};    // offsets, rising
  bool closed_loop = false;
};

// One release of targets: one scored unit.
struct LateTargets {
  absl::Span<const TargetBlock> blocks = {};
  std::uint64_t no_target_through = 0;
};

struct Settle {};
struct Reset {};
struct Freeze {};
struct Unfreeze {};
struct Set {
  std::vector<NamedSetting> settings;
};
struct TakeShadow {};
struct Restore {};

using Event =
    std::variant<Observe, LateTargets, Settle, Reset, Freeze, Unfreeze, Set, TakeShadow, Restore>;

// What the reply should hold.
struct Want {
  bool outputs = true;  // and probabilities
  bool shadow = false;
  bool residual_sd = false;
  bool novelty = false;
};

// What Apply gives back; buffers are reused. Rows are for the steps applied, R of them.
struct Outcome {
  std::uint64_t first_seq = 0;        // of the first row
  std::uint32_t skipped = 0;          // steps, or targets, that were applied already
  std::uint32_t steps = 0;            // R
  std::vector<float> outputs;         // [R, m], as served
  std::vector<float> probabilities;   // [R, m], classification only
  std::vector<float> shadow_outputs;  // [R, m]
  std::vector<float> residual_sd;     // [R, m]
  std::vector<float> novelty;         // [R]
  std::vector<float> disagreement;    // [R]
  // [R], NaN where no target came; empty where none did. For next-input targets: of the prediction
  // of this step's input, issued at the step before.
  std::vector<float> loss;
  std::vector<float> shadow_loss;  // beside loss, if the shadow is wanted
  bool served_shadow = false;
  // Of late targets.
  std::uint32_t taken = 0;
  std::optional<double> release_loss, release_shadow_loss;

  void Clear();  // keeps capacity
  // Losses of which none is there.
  void DropAbsentLosses();
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_EVENT_H_
