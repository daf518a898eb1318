// Events carried out: how predictor, learner, shadow, window and monitor move.
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/check.h"
#include "engine/stream_impl.h"
#include "kernels/ops.h"

namespace millrace::engine {

template <typename T>
void StreamImpl<T>::Apply(const Event& event, const Want& want, Outcome* outcome) {
  const kernels::FlushDenormals flush;
  BeginEvent(event, outcome);
  if (const auto* const observe = std::get_if<Observe>(&event)) {
    On(*observe, want, outcome);
  } else if (const auto* const late = std::get_if<LateTargets>(&event)) {
    On(*late, outcome);
  } else if (const auto* const set = std::get_if<Set>(&event)) {
    On(*set);
  } else if (std::holds_alternative<Settle>(event)) {
    OnSettle();
  } else if (std::holds_alternative<Reset>(event)) {
    OnReset();
  } else if (std::holds_alternative<Freeze>(event)) {
    learner_.Freeze(true);
  } else if (std::holds_alternative<Unfreeze>(event)) {
    OnUnfreeze();
  } else if (std::holds_alternative<engine::TakeShadow>(event)) {
    TakeShadow();
  } else {
    MILLRACE_CHECK(std::holds_alternative<Restore>(event));
    learner_.Restore();
    CatchUp();
  }
  EndEvent(outcome);
}

template <typename T>
void StreamImpl<T>::BeginEvent(const Event& event, Outcome* outcome) {
  outcome->Clear();
  const bool of_steps =
      std::holds_alternative<Observe>(event) || std::holds_alternative<LateTargets>(event);
  if (!of_steps) forwarded_seq_ = 0;
  if (!of_steps && !std::holds_alternative<Settle>(event)) LeaveDevice();
}

template <typename T>
void StreamImpl<T>::EndEvent(Outcome* outcome) {
  outcome->DropAbsentLosses();
  outcome->served_shadow = monitor_.serving_shadow() && shadow_.taken();
  ++event_;
}

template <typename T>
void StreamImpl<T>::PushRow(std::uint64_t seq, const OneStep& step, bool reset) {
  window_.Push(seq,
               {.reset_before = reset,
                .learn = step.learn,
                .served_shadow = monitor_.serving_shadow() && shadow_.taken(),
                .has_shadow = shadow_.taken()},
               step.byte);
  if (input_.bytes()) return;
  std::copy(staged_.dense.begin(), staged_.dense.end(), window_.input(seq));
  std::copy(staged_.present.begin(), staged_.present.end(), window_.present(seq));
}

template <typename T>
void StreamImpl<T>::FinishRow(std::uint64_t seq, const OneStep& step, double novelty,
                              const Want& want, Outcome* outcome) {
  const std::optional<double> disagreement = Disagreement(seq);
  // A step without input says nothing about the input.
  if (step.x != nullptr || step.byte != kNoByte) monitor_.Step(seq, novelty, disagreement);
  EmitRow(seq, want, novelty, disagreement, outcome);
  TakeTarget(seq, step.target, outcome);
}

template <typename T>
void StreamImpl<T>::Step(const OneStep& step, const Want& want, Outcome* outcome) {
  const std::uint64_t seq = applied_ + 1;
  const bool has_input = step.x != nullptr || step.byte != kNoByte;
  if (!has_input) ++skipped_steps_;
  const double novelty = staged_.novelty;
  const bool reset = step.reset_before || reset_next_;
  upcoming_seq_ = seq;
  upcoming_ = reset ? nullptr : &staged_.input;
  outcome->loss.push_back(std::numeric_limits<float>::quiet_NaN());
  if (want.shadow) outcome->shadow_loss.push_back(std::numeric_limits<float>::quiet_NaN());
  if (target_settings_.policy == TargetPolicy::kNextInput) {
    CloseNextInput(has_input && !reset, outcome);
  }
  std::int64_t budget = RunLearner(target_settings_.catch_up_steps);
  if (window_.size() == target_settings_.window_steps) {
    MakeRoom();
    budget = std::max<std::int64_t>(budget - 1, 0);
  }

  reset_next_ = false;
  if (reset) {
    std::fill(hidden_.begin(), hidden_.end(), T{0});
    std::fill(shadow_.hidden.begin(), shadow_.hidden.end(), T{0});
  }
  PushRow(seq, step, reset);
  const bool caught_up = learner_.position() == applied_;
  applied_ = seq;
  PredictStep(seq, step.x);
  FinishRow(seq, step, novelty, want, outcome);
  upcoming_seq_ = seq + 1;
  upcoming_ = step.continues ? &next_staged_.input : nullptr;
  if (caught_up && budget > 0 && window_.kind(seq) != TargetKind::kOpen) LearnOldest();
  upcoming_ = nullptr;
}

template <typename T>
void StreamImpl<T>::TakeTarget(std::uint64_t seq, const TargetRow<T>& target, Outcome* outcome) {
  if (IsHeld(target.kind)) {
    ++target_steps_;
    window_.Hold(seq, target, ++units_);
    monitor_.BeginUnit();
    const UnitLoss loss = Score(seq);
    Report(loss, outcome);
    EndUnit(seq);
  } else if (target_settings_.policy == TargetPolicy::kWithObservation) {
    window_.Close(seq);
    ++untargeted_steps_;
  }
}

// The prediction that waits for this input, if there is one, gets its target.
template <typename T>
void StreamImpl<T>::CloseNextInput(bool continues, Outcome* outcome) {
  if (window_.size() == 0) return;
  const TargetRow<T> target = NextInputTarget(staged_, continues, row_.data());
  if (IsHeld(target.kind)) {
    TakeTarget(applied_, target, outcome);
  } else {
    window_.Close(applied_);
    ++untargeted_steps_;
  }
}

// A full window of open steps: its oldest gets no target, and the learner passes it.
template <typename T>
void StreamImpl<T>::MakeRoom() {
  const std::uint64_t oldest = window_.first_seq();
  if (window_.kind(oldest) == TargetKind::kOpen) {
    window_.Close(oldest);
    ++untargeted_steps_;
  }
  LearnOldest();
}

template <typename T>
std::int64_t StreamImpl<T>::RunLearner(std::int64_t budget) {
  while (budget > 0 && window_.size() > 0 &&
         window_.kind(window_.first_seq()) != TargetKind::kOpen) {
    LearnOldest();
    --budget;
  }
  return budget;
}

template <typename T>
void StreamImpl<T>::LearnOldest() {
  if (device_ != nullptr) return LearnOldestOnDevice();
  const std::uint64_t seq = window_.first_seq();
  const RowMarks& marks = window_.marks(seq);
  Forwarded<T> forwarded;
  if (seq == forwarded_seq_) forwarded = {&step_, window_.outputs(seq)};
  forwarded_seq_ = 0;
  if (learner_timer_ != nullptr) learner_timer_->Begin();
  learner_.Step({.seq = seq,
                 .input = window_.cell_input(seq),
                 .reset_before = marks.reset_before,
                 .learn = marks.learn,
                 .target = window_.target(seq),
                 .release = window_.release(seq),
                 .next = seq + 1 == upcoming_seq_ ? upcoming_ : nullptr},
                forwarded);
  if (learner_timer_ != nullptr) learner_timer_->End();
  window_.Pop();
  CatchUp();
}

// Where the learner has passed every step, the predictor goes on from its hidden state.
template <typename T>
void StreamImpl<T>::CatchUp() {
  if (window_.size() == 0 && !reset_next_) hidden_ = learner_.hidden();
}

template <typename T>
void StreamImpl<T>::PredictStep(std::uint64_t seq, const float* x) {
  if (device_ != nullptr) {
    PredictOnDevice(seq);
    return PredictShadow(seq, x);
  }
  const CellInput<T> input = window_.cell_input(seq);
  const bool caught_up = learner_.position() + 1 == seq;
  if (caught_up && learner_.TakeSums(seq, &step_.cell)) {
    learner_.network().FinishForward(learner_.weights().data(), input, hidden_.data(), &step_,
                                     window_.outputs(seq));
  } else {
    learner_.network().Forward(learner_.weights().data(), input, hidden_.data(), &step_,
                               window_.outputs(seq));
  }
  // A window that holds this step alone: the hidden state before it was the learner's.
  forwarded_seq_ = caught_up ? seq : 0;
  learner_.network().AddContexts(learner_.contexts(), step_, window_.outputs(seq));
  hidden_ = step_.state;
  PredictShadow(seq, x);
}

template <typename T>
void StreamImpl<T>::PredictShadow(std::uint64_t seq, const float* x) {
  if (!shadow_.taken()) return;
  const CellInput<T> input = ShadowInput(window_.cell_input(seq), x);
  learner_.network().Forward(shadow_.theta.data(), input, shadow_.hidden.data(), &shadow_step_,
                             window_.shadow_outputs(seq));
  learner_.network().AddContexts(shadow_.contexts, shadow_step_, window_.shadow_outputs(seq));
  shadow_.hidden = shadow_step_.state;
}

template <typename T>
CellInput<T> StreamImpl<T>::ShadowInput(const CellInput<T>& live, const float* x) const {
  CellInput<T> input = live;
  if (monitor_.shadow_normaliser_frozen() && !input_.bytes()) {
    input_.ViewFrozen(x, shadow_.mean, shadow_.variance, z_.data());
    std::transform(z_.begin(), z_.end(), shadow_z_.begin(),
                   [](double z) { return static_cast<T>(z); });
    input.dense = shadow_z_.data();
  }
  return input;
}

template <typename T>
std::optional<double> StreamImpl<T>::Disagreement(std::uint64_t seq) {
  if (!shadow_.taken()) return std::nullopt;
  const T* live = window_.outputs(seq);
  const T* shadow = window_.shadow_outputs(seq);
  if (model_->classification()) {
    kernels::Softmax(live, m_, probabilities_.data());
    kernels::Softmax(shadow, m_, y_.data());
    live = probabilities_.data();
    shadow = y_.data();
  }
  double sum = 0;
  for (std::int64_t k = 0; k < m_; ++k) {
    const double difference = static_cast<double>(live[k]) - static_cast<double>(shadow[k]);
    sum += difference * difference;
  }
  return sum / static_cast<double>(m_);
}

template <typename T>
void StreamImpl<T>::EmitRow(std::uint64_t seq, const Want& want, double novelty,
                            std::optional<double> disagreement, Outcome* outcome) {
  const auto append = [](const T* values, std::int64_t count, std::vector<float>* out) {
    std::transform(values, values + count, std::back_inserter(*out),
                   [](T value) { return static_cast<float>(value); });
  };
  if (want.outputs) {
    const T* const served =
        window_.marks(seq).served_shadow ? window_.shadow_outputs(seq) : window_.outputs(seq);
    append(served, m_, &outcome->outputs);
    if (model_->classification()) {
      kernels::Softmax(served, m_, probabilities_.data());
      append(probabilities_.data(), m_, &outcome->probabilities);
    }
  }
  if (want.shadow && shadow_.taken()) {
    append(window_.shadow_outputs(seq), m_, &outcome->shadow_outputs);
  }
  if (want.residual_sd) {
    for (const double sd : monitor_.residual_sd()) {
      outcome->residual_sd.push_back(static_cast<float>(sd));
    }
  }
  if (!want.novelty) return;
  outcome->novelty.push_back(static_cast<float>(novelty));
  if (disagreement.has_value()) {
    outcome->disagreement.push_back(static_cast<float>(*disagreement));
  }
}

template <typename T>
void StreamImpl<T>::Report(const UnitLoss& loss, Outcome* outcome) {
  if (outcome->loss.empty()) return;
  outcome->loss.back() = static_cast<float>(loss.served);
  if (!outcome->shadow_loss.empty()) outcome->shadow_loss.back() = static_cast<float>(loss.shadow);
}

template <typename T>
void StreamImpl<T>::On(const LateTargets& late, Outcome* outcome) {
  const std::uint64_t unit = ++units_;
  double served = 0, shadow = 0;
  std::uint64_t scored = 0, with_shadow = 0;
  monitor_.BeginUnit();
  for (const TargetBlock& block : late.blocks) {
    for (std::uint64_t offset = 0; offset < block.steps; ++offset) {
      const std::uint64_t seq = block.first_seq + offset;
      const TargetRow<T> target = RowOf(block, offset, row_.data());
      if (!IsHeld(target.kind)) continue;
      if (!window_.Holds(seq) || window_.kind(seq) != TargetKind::kOpen) {
        ++outcome->skipped;
        continue;
      }
      window_.Hold(seq, target, unit);
      ++outcome->taken;
      ++target_steps_;
      const UnitLoss loss = Score(seq);
      if (loss.served == loss.served) ++scored, served += loss.served;
      if (loss.shadow == loss.shadow) ++with_shadow, shadow += loss.shadow;
    }
  }
  EndUnit(applied_);
  for (std::uint64_t seq = window_.first_seq(); seq <= late.no_target_through; ++seq) {
    if (window_.kind(seq) != TargetKind::kOpen) continue;
    window_.Close(seq);
    ++untargeted_steps_;
  }
  if (scored > 0) outcome->release_loss = served / static_cast<double>(scored);
  if (with_shadow > 0) outcome->release_shadow_loss = shadow / static_cast<double>(with_shadow);
}

template <typename T>
void StreamImpl<T>::On(const Set& set) {
  for (const NamedSetting& setting : set.settings) {
    const auto at = std::find_if(overrides_.begin(), overrides_.end(),
                                 [&](const NamedSetting& o) { return o.name == setting.name; });
    if (at == overrides_.end()) {
      overrides_.push_back(setting);
    } else {
      at->value = setting.value;
    }
  }
  absl::StatusOr<ModelSpec> spec = WithOverrides(model_->spec(), overrides_);
  MILLRACE_CHECK(spec.ok());  // Check has accepted it
  spec_ = *std::move(spec);
  learner_.Change(spec_);
  if (device_ != nullptr) device_->Change(spec_);
  monitor_.Change(spec_.monitor);
}

template <typename T>
void StreamImpl<T>::OnSettle() {
  if (device_ != nullptr) return SettleOnDevice();
  RunLearner(std::numeric_limits<std::int64_t>::max());
}

template <typename T>
void StreamImpl<T>::OnReset() {
  std::fill(hidden_.begin(), hidden_.end(), T{0});
  std::fill(shadow_.hidden.begin(), shadow_.hidden.end(), T{0});
  reset_next_ = true;
}

template <typename T>
void StreamImpl<T>::OnUnfreeze() {
  learner_.Freeze(false);
  monitor_.Unguard();
}

template <typename T>
void StreamImpl<T>::TakeShadow() {
  CopyFromDevice();
  shadow_.theta = learner_.weights();
  shadow_.hidden = hidden_;
  shadow_.contexts = learner_.contexts();
  if (monitor_.shadow_normaliser_frozen() && !input_.bytes()) {
    input_.CopyStatistics(&shadow_.mean, &shadow_.variance);
  }
  // Step 0 is no step: a shadow of an untouched stream counts as taken at its first.
  monitor_.TookShadow(std::max<std::uint64_t>(applied_, 1));
}

template class StreamImpl<float>;
template class StreamImpl<double>;

}  // namespace millrace::engine
