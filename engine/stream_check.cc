// Events validated: whole, and changing nothing.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/errors.h"
#include "engine/stream_impl.h"

namespace millrace::engine {
namespace {

constexpr double kProbabilityTolerance = 1e-3;

absl::Status Invalid(absl::string_view reason, absl::string_view sentence) {
  return Error(absl::StatusCode::kInvalidArgument, reason, sentence);
}

// [m] values that are all NaN: no target.
bool NoTarget(absl::Span<const float> row) {
  return std::all_of(row.begin(), row.end(), [](float value) { return std::isnan(value); });
}

}  // namespace

template <typename T>
std::string StreamImpl<T>::Owner() const {
  return absl::StrCat("stream '", id_, "'");
}

template <typename T>
std::uint64_t StreamImpl<T>::StepsOf(const Observe& observe) const {
  if (!observe.floats.empty()) return observe.floats.size() / static_cast<std::size_t>(d_);
  return observe.raw_bytes.empty() ? observe.skip : observe.raw_bytes.size();
}

template <typename T>
absl::Status StreamImpl<T>::Check(const Event& event) const {
  if (const auto* const observe = std::get_if<Observe>(&event)) return CheckObserve(*observe);
  if (const auto* const late = std::get_if<LateTargets>(&event)) return CheckLateTargets(*late);
  if (const auto* const set = std::get_if<Set>(&event)) {
    std::vector<NamedSetting> all = overrides_;
    all.insert(all.end(), set->settings.begin(), set->settings.end());
    const absl::StatusOr<ModelSpec> spec = WithOverrides(model_->spec(), all);
    return spec.ok() ? CheckServe(*set) : spec.status();
  }
  if (std::holds_alternative<Restore>(event) && !learner_.has_good_copy()) {
    return Error(absl::StatusCode::kFailedPrecondition, kNoGoodCopy,
                 absl::StrCat(Owner(),
                              " holds no good copy; expected guard.good_every > 0 (set at "
                              "model '",
                              model_->name(), "'); roll back to a snapshot"));
  }
  return absl::OkStatus();
}

// Who asks for the shadow's predictions must not be sent live ones.
template <typename T>
absl::Status StreamImpl<T>::CheckServe(const Set& set) const {
  for (const NamedSetting& setting : set.settings) {
    if (setting.name != "monitor.serve" || monitor_.has_shadow()) continue;
    const auto* const serve = std::get_if<std::string>(&setting.value);
    if (serve == nullptr || *serve == "live") continue;
    return Error(absl::StatusCode::kFailedPrecondition, kNoShadow,
                 absl::StrCat(Owner(), " has no shadow; monitor.serve = '", *serve,
                              "' expects one; take it first (millrace stream shadow)"));
  }
  return absl::OkStatus();
}

template <typename T>
bool StreamImpl<T>::Changes(const Event& event) const {
  const auto* const observe = std::get_if<Observe>(&event);
  return observe == nullptr || observe->first_seq + StepsOf(*observe) > applied_ + 1;
}

template <typename T>
absl::Status StreamImpl<T>::CheckObserve(const Observe& observe) const {
  absl::Status status = CheckInput(observe);
  if (!status.ok()) return status;
  if (observe.first_seq == 0 || observe.first_seq > applied_ + 1) {
    return Error(absl::StatusCode::kOutOfRange, kSequenceGap,
                 absl::StrCat("first_seq is ", observe.first_seq, "; ", Owner(), " expects ",
                              applied_ + 1, "; go back to it"),
                 {{"expected_seq", absl::StrCat(applied_ + 1)}});
  }
  if (!(status = CheckOffsets(observe)).ok()) return status;
  if (observe.targets.has_value()) {
    if (target_settings_.policy == TargetPolicy::kNextInput) {
      return Invalid(kBadTarget, absl::StrCat("targets were given; ", Owner(),
                                              " takes the next input as its target (target, set at "
                                              "model '",
                                              model_->name(), "'); leave them out"));
    }
    if (!(status = CheckBlock(*observe.targets, StepsOf(observe))).ok()) return status;
  }
  return CheckRoom(observe);
}

template <typename T>
absl::Status StreamImpl<T>::CheckInput(const Observe& observe) const {
  const int kinds = (observe.floats.empty() ? 0 : 1) + (observe.raw_bytes.empty() ? 0 : 1) +
                    (observe.skip == 0 ? 0 : 1);
  if (kinds != 1) {
    return Invalid(kBadShape, absl::StrCat("an observation of ", Owner(), " has ", kinds,
                                           " of floats, raw_bytes and skip; expected exactly one"));
  }
  if (observe.skip > 0) return absl::OkStatus();
  if (input_.bytes() != observe.floats.empty()) {
    return Invalid(kBadShape, absl::StrFormat(
                                  "an observation has %s; %s expects %s (input, set at model '%s')",
                                  input_.bytes() ? "floats" : "raw_bytes", Owner(),
                                  input_.bytes() ? "raw_bytes" : "floats", model_->name()));
  }
  if (input_.bytes()) return absl::OkStatus();
  return input_.CheckFloats(observe.floats, Owner());
}

template <typename T>
absl::Status StreamImpl<T>::CheckOffsets(const Observe& observe) const {
  const std::uint64_t steps = StepsOf(observe);
  const auto check = [&](absl::Span<const std::uint32_t> offsets, const char* name) {
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      if (offsets[i] < steps && (i == 0 || offsets[i] > offsets[i - 1])) continue;
      return Invalid(kBadShape,
                     absl::StrCat(name, "[", i, "] is ", offsets[i],
                                  "; expected rising offsets below the part's ", steps, " steps"));
    }
    return absl::OkStatus();
  };
  absl::Status status = check(observe.reset_before, "reset_before");
  return status.ok() ? check(observe.score_only, "score_only") : status;
}

template <typename T>
absl::Status StreamImpl<T>::CheckBlock(const TargetBlock& block, std::uint64_t steps) const {
  const auto m = static_cast<std::size_t>(m_);
  const bool classes = !block.classes.empty();
  const absl::Span<const float> rows = block.values.empty() ? block.probabilities : block.values;
  const int kinds =
      (block.values.empty() ? 0 : 1) + (classes ? 1 : 0) + (block.probabilities.empty() ? 0 : 1);
  if (kinds != 1) {
    return Invalid(kBadTarget, absl::StrCat("a target block has ", kinds,
                                            " of values, classes and "
                                            "probabilities; expected exactly one"));
  }
  if (model_->classification() != block.values.empty()) {
    return Invalid(
        kBadTarget,
        absl::StrFormat("a target block has %s; %s expects %s (loss '%s', set at model "
                        "'%s')",
                        block.values.empty() ? "classes or probabilities" : "values", Owner(),
                        block.values.empty() ? "values" : "classes or probabilities",
                        spec_.loss.name, model_->name()));
  }
  if (!block.probabilities.empty() && learner_.network().head().classes_only()) {
    return Invalid(kBadTarget, absl::StrFormat("a target block has probabilities; %s expects "
                                               "classes (head '%s', set at model '%s')",
                                               Owner(), spec_.head.name, model_->name()));
  }
  if (block.steps != 0 && block.steps != steps) {
    return Invalid(kBadTarget, absl::StrCat("a target block covers ", block.steps,
                                            " steps; expected 0 or the observation's ", steps));
  }
  const std::size_t got = classes ? block.classes.size() : rows.size();
  const std::size_t row = classes ? 1 : m;
  if (got != row && got != row * steps) {
    return Invalid(kBadTarget, absl::StrCat("a target block has ", got, " values; ", Owner(),
                                            " expects ", row, " (one row for all steps) or ",
                                            row * steps, " (", steps, " steps of ", row, ")"));
  }
  if (!block.weights.empty() && block.weights.size() != 1 && block.weights.size() != steps) {
    return Invalid(kBadTarget, absl::StrCat("a target block has ", block.weights.size(),
                                            " weights; expected none, 1 or ", steps));
  }
  return CheckBlockValues(block);
}

template <typename T>
absl::Status StreamImpl<T>::CheckBlockValues(const TargetBlock& block) const {
  const auto m = static_cast<std::size_t>(m_);
  for (const float weight : block.weights) {
    if (std::isfinite(weight) && weight >= 0) continue;
    return Invalid(kBadTarget, absl::StrCat("a target's weight is ", weight,
                                            "; expected a finite number >= 0"));
  }
  for (const std::int32_t label : block.classes) {
    if (label >= -1 && label < m_) continue;
    return Invalid(kBadTarget, absl::StrCat("a target's class is ", label, "; ", Owner(),
                                            " expects -1 (none) to ", m_ - 1,
                                            " (outputs, set at "
                                            "model '",
                                            model_->name(), "')"));
  }
  const ValueRange range = learner_.loss().range();
  for (const float value : block.values) {
    if (std::isinf(value)) {
      return Invalid(kNotFinite,
                     "a target value is infinite; expected finite values, or NaN for an "
                     "output that is not known");
    }
    if (std::isnan(value) || (value >= range.lowest && value <= range.highest)) continue;
    return Invalid(kBadTarget, absl::StrFormat("a target value is %g; %s expects %s, or NaN for an "
                                               "output that is not known (loss '%s', set at model "
                                               "'%s')",
                                               value, Owner(), range.expected, spec_.loss.name,
                                               model_->name()));
  }
  for (std::size_t row = 0; row * m < block.probabilities.size(); ++row) {
    const absl::Span<const float> p = block.probabilities.subspan(row * m, m);
    if (NoTarget(p)) continue;
    double sum = 0;
    bool valid = true;
    for (const float value : p) {
      valid = valid && value >= 0;
      sum += static_cast<double>(value);
    }
    if (valid && std::abs(sum - 1.0) <= kProbabilityTolerance) continue;
    return Invalid(kBadTarget, absl::StrCat("row ", row, " of the probabilities sums to ", sum,
                                            "; expected values >= 0 with sum 1"));
  }
  return absl::OkStatus();
}

template <typename T>
TargetRow<T> StreamImpl<T>::RowOf(const TargetBlock& block, std::uint64_t offset,
                                  T* scratch) const {
  const auto m = static_cast<std::size_t>(m_);
  TargetRow<T> row{.kind = TargetKind::kOpen, .inferred = block.source == TargetSource::kInferred};
  if (!block.weights.empty()) {
    row.weight = static_cast<double>(block.weights[block.weights.size() == 1 ? 0 : offset]);
  }
  if (!block.classes.empty()) {
    row.label = block.classes[block.classes.size() == 1 ? 0 : offset];
    if (row.label >= 0) row.kind = TargetKind::kClass;
    return row;
  }
  const bool values = !block.values.empty();
  const absl::Span<const float> rows = values ? block.values : block.probabilities;
  const absl::Span<const float> one = rows.subspan(rows.size() == m ? 0 : offset * m, m);
  if (NoTarget(one)) return row;
  std::transform(one.begin(), one.end(), scratch,
                 [](float value) { return static_cast<T>(value); });
  row.kind = values ? TargetKind::kValues : TargetKind::kProbabilities;
  row.values = scratch;
  return row;
}

// Plays the window's fill forward: closed steps leave it, at most catch_up_steps an observation.
template <typename T>
absl::Status StreamImpl<T>::CheckRoom(const Observe& observe) const {
  if (target_settings_.policy != TargetPolicy::kDelayed || target_settings_.close_oldest) {
    return absl::OkStatus();
  }
  const auto open = [&](std::uint64_t seq) { return window_.kind(seq) == TargetKind::kOpen; };
  std::uint64_t first = window_.first_seq();
  const std::uint64_t end = applied_ + 1, steps = StepsOf(observe);
  const std::uint64_t skipped = std::min(steps, end - observe.first_seq);
  const auto closed = [&](std::uint64_t seq) {
    if (seq < end) return !open(seq);
    return observe.targets.has_value() &&
           RowOf(*observe.targets, skipped + seq - end, row_.data()).kind != TargetKind::kOpen;
  };
  const auto window = static_cast<std::uint64_t>(target_settings_.window_steps);
  for (std::uint64_t seq = end; seq < end + steps - skipped; ++seq) {
    std::int64_t budget = target_settings_.catch_up_steps;
    for (; budget > 0 && first < seq && closed(first); --budget) ++first;
    if (seq - first == window) {
      return Error(absl::StatusCode::kResourceExhausted, kWindowFull,
                   absl::StrCat("step ", seq, " finds ", window, " steps open; ", Owner(),
                                " holds at most ", window, " (target.window, set at model '",
                                model_->name(), "'); release targets or declare them absent"),
                   {{"oldest_open_seq", absl::StrCat(first)}});
    }
    if (first == seq && budget > 0 && closed(seq)) ++first;
  }
  return absl::OkStatus();
}

template <typename T>
absl::Status StreamImpl<T>::CheckLateBlock(const TargetBlock& block, std::uint64_t* fresh) const {
  for (std::uint64_t offset = 0; offset < block.steps; ++offset) {
    const std::uint64_t seq = block.first_seq + offset;
    const TargetRow<T> target = RowOf(block, offset, row_.data());
    if (!IsHeld(target.kind) || seq <= learner_.position()) continue;
    if (window_.kind(seq) == TargetKind::kOpen) {
      ++*fresh;
    } else if (!window_.SameTarget(seq, target)) {
      return Error(absl::StatusCode::kAborted, kTargetConflict,
                   absl::StrCat("step ", seq, " of ", Owner(),
                                " holds another target, or was "
                                "declared to have none; a target cannot be changed"),
                   {{"seq", absl::StrCat(seq)}});
    }
  }
  return absl::OkStatus();
}

template <typename T>
absl::Status StreamImpl<T>::CheckLateTargets(const LateTargets& late) const {
  if (target_settings_.policy != TargetPolicy::kDelayed) {
    return Invalid(kBadTarget,
                   absl::StrCat("late targets were given; ", Owner(),
                                " expects none "
                                "(target '",
                                spec_.target.name, "', set at model '", model_->name(), "')"));
  }
  const auto not_open = [&](std::uint64_t seq) {
    return Error(absl::StatusCode::kOutOfRange, kNotOpen,
                 absl::StrCat("step ", seq, " was given a target; ", Owner(),
                              " has observed steps 1 to ", applied_));
  };
  std::uint64_t fresh = 0, next = 1;
  for (const TargetBlock& block : late.blocks) {
    if (block.steps == 0 || block.first_seq < next) {
      return Invalid(kBadTarget, absl::StrCat("a target block starts at step ", block.first_seq,
                                              " and covers ", block.steps,
                                              " steps; expected "
                                              "rising blocks of at least 1 step, from ",
                                              next));
    }
    // In this order, so that first_seq + steps cannot overflow.
    if (block.first_seq > applied_ || block.steps - 1 > applied_ - block.first_seq) {
      return not_open(applied_ + 1);
    }
    next = block.first_seq + block.steps;
    absl::Status status = CheckBlock(block, block.steps);
    if (!status.ok() || !(status = CheckLateBlock(block, &fresh)).ok()) return status;
  }
  if (late.no_target_through > applied_) return not_open(late.no_target_through);
  for (std::uint64_t seq = window_.first_seq(); fresh == 0 && seq <= late.no_target_through;
       ++seq) {
    if (window_.kind(seq) == TargetKind::kOpen) ++fresh;
  }
  if (fresh > 0) return absl::OkStatus();
  return Error(absl::StatusCode::kAlreadyExists, kTargetHeld,
               absl::StrCat("these targets of ", Owner(), " are held or learned already"));
}

template <typename T>
std::vector<std::uint64_t> StreamImpl<T>::HeldTargets() const {
  std::vector<std::uint64_t> held;
  for (std::uint64_t seq = window_.first_seq(); seq <= applied_; ++seq) {
    if (IsHeld(window_.kind(seq))) held.push_back(seq);
  }
  return held;
}

#define MILLRACE_INSTANTIATE(T)                                           \
  template absl::Status StreamImpl<T>::Check(const Event&) const;         \
  template bool StreamImpl<T>::Changes(const Event&) const;               \
  template std::vector<std::uint64_t> StreamImpl<T>::HeldTargets() const; \
  template std::uint64_t StreamImpl<T>::StepsOf(const Observe&) const;    \
  template std::string StreamImpl<T>::Owner() const;                      \
  template TargetRow<T> StreamImpl<T>::RowOf(const TargetBlock&, std::uint64_t, T*) const;
MILLRACE_INSTANTIATE(float)
MILLRACE_INSTANTIATE(double)
#undef MILLRACE_INSTANTIATE

}  // namespace millrace::engine
