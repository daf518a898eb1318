#include "engine/learner.h"

#include <algorithm>
#include <cmath>

#include "engine/check.h"
#include "kernels/math/exp.h"
#include "kernels/math/sqrt.h"
#include "kernels/ops.h"

namespace millrace::engine {
namespace {

constexpr double kLn2 = 0.69314718055994530942;
constexpr double kBalanceCap = 4.0;

}  // namespace

template <typename T>
Learner<T>::Learner(const ModelSpec& spec, std::int64_t inputs, std::uint64_t seed)
    : seed_(seed),
      network_(spec, inputs),
      loss_(MakeLoss<T>(spec.loss)),
      rule_(MakeRule<T>(spec.rule, network_.cell(), seed)),
      optimizer_(MakeOptimizer<T>(spec.optimizer)),
      guard_(spec.guard),
      updater_(network_.layout()),
      diagnostics_(spec, network_.cell(), *rule_, network_.outputs()),
      step_(network_.MakeStep()),
      next_cell_(step_.cell),
      y_(static_cast<std::size_t>(network_.outputs())),
      dy_(y_.size()),
      df_(step_.features.size()),
      known_(y_.size()) {
  if (loss_->classification() && spec.loss.Flag("balance_classes")) {
    balance_ = true;
    balance_decay_ = kernels::Exp(-kLn2 / spec.loss.Number("balance_half_life"));
    class_counts_.assign(y_.size(), 0.0);
  }
  weights_.theta.assign(static_cast<std::size_t>(network_.layout().size()), T{0});
  SizeGradient();
  updater_.Initialize(*optimizer_, &weights_);
  hidden_.assign(step_.state.size(), T{0});
  rule_state_.assign(static_cast<std::size_t>(rule_->StateSize()), T{0});
  constants_.assign(static_cast<std::size_t>(rule_->ConstantsSize(network_.outputs())), T{0});
  head_state_.assign(static_cast<std::size_t>(network_.head().StateSize()), T{0});
  network_.head().InitializeState(head_state_.data());
  contexts_ = network_.MakeContextTable();
  if (guard_.good_every <= 0) return;
  good_ = weights_;
  good_head_ = head_state_;
}

template <typename T>
bool Learner<T>::Traces() const {
  return rule_->has_traced() && !optimizer_->bounds_step();
}

template <typename T>
void Learner<T>::SizeGradient() {
  const bool pieces = (rule_->has_outer() || Traces()) && network_.head().has_outer();
  g_.resize(pieces && !Updater<T>::NeedsStored(guard_) ? 0 : weights_.theta.size());
  g_.shrink_to_fit();
  gradient_.stored = g_.data();
  gradient_.outer.reserve(network_.layout().blocks().size());
  gradient_.traced.reserve(network_.layout().blocks().size());
  ahead_.maps().reserve(network_.layout().blocks().size());
}

template <typename T>
void Learner<T>::Initialize() {
  network_.Initialize(seed_, weights_.theta.data());
  rule_->InitializeConstants(seed_, network_.outputs(), constants_.data());
  if (guard_.good_every > 0) KeepGoodCopy();
}

template <typename T>
void Learner<T>::Change(const ModelSpec& spec) {
  rule_ = MakeRule<T>(spec.rule, network_.cell(), seed_);
  optimizer_ = MakeOptimizer<T>(spec.optimizer);
  guard_ = GuardSettings(spec.guard);
  network_.Change(spec);
  const auto state = static_cast<std::size_t>(rule_->StateSize());
  if (state != rule_state_.size()) rule_state_.assign(state, T{0});
  updater_.Renew();
  SizeGradient();
  diagnostics_.Change(spec, *rule_);
}

template <typename T>
void Learner<T>::ZeroState() {
  std::fill(hidden_.begin(), hidden_.end(), T{0});
  std::fill(rule_state_.begin(), rule_state_.end(), T{0});
  sums_seq_ = 0;
  diagnostics_.Reset();
}

template <typename T>
bool Learner<T>::Learns(const LearnerStep<T>& step) const {
  return IsHeld(step.target.kind) && step.learn && !frozen_ && rule_->learns() &&
         step.target.weight > 0;
}

template <typename T>
double Learner<T>::TargetWeight(const TargetRow<T>& target) {
  if (!balance_) return target.weight;
  const auto share = [&](std::int64_t k) {
    return target.kind == TargetKind::kClass ? (k == target.label ? 1.0 : 0.0)
                                             : static_cast<double>(target.values[k]);
  };
  double total = 0;
  for (std::int64_t k = 0; k < network_.outputs(); ++k) {
    double& count = class_counts_[static_cast<std::size_t>(k)];
    count = balance_decay_ * count + share(k);
    total += count;
  }
  double weight = 0;
  const double even = total / static_cast<double>(network_.outputs());
  for (std::int64_t k = 0; k < network_.outputs(); ++k) {
    if (share(k) == 0) continue;
    weight += share(k) * std::min(kBalanceCap, even / class_counts_[static_cast<std::size_t>(k)]);
  }
  return target.weight * weight;
}

template <typename T>
ActiveColumns Learner<T>::Active(const LearnerStep<T>& step, bool sparse) {
  // A step without input leaves every input column waiting, whatever the rule.
  const bool no_input = step.input.dense == nullptr && step.input.byte == kNoByte;
  ActiveColumns active{
      .present = step.input.present, .only_byte = sparse || no_input, .byte = step.input.byte};
  if (step.target.kind != TargetKind::kValues) return active;
  for (std::size_t k = 0; k < known_.size(); ++k) {
    known_[k] = step.target.values[k] == step.target.values[k] ? 1 : 0;
  }
  active.known = known_.data();
  return active;
}

template <typename T>
double Learner<T>::ErrorNorm() const {
  double norm = 0;
  if (!optimizer_->bounds_step()) return norm;
  for (const T error : dy_) norm += std::fabs(static_cast<double>(error));
  return norm;
}

template <typename T>
void Learner<T>::FormGradient(const NetworkStep<T>& forward, const ActiveColumns& active,
                              bool sparse, bool sampled) {
  const T* const theta = weights_.theta.data();
  const T* const readout = theta + network_.head_offset();
  const bool stored = Updater<T>::NeedsStored(guard_);
  const Feedback<T> feedback{df_.data(), dy_.data(), network_.outputs()};
  const RuleView<T> view{theta, forward.cell, constants_.data(), rule_state_.data()};
  const LearningStep<T> step{feedback, view, position_, sparse};
  gradient_.outer.clear();
  gradient_.traced.clear();
  // q and the readout's gradient from the weights of before the update.
  const bool outer_head = !stored && network_.head().has_outer();
  if (!outer_head) {
    network_.head().Backward(readout, forward.features.data(), dy_.data(), df_.data(),
                             g_.data() + network_.head_offset());
  } else {
    network_.head().BackwardAsOuter(readout, forward.features.data(), dy_.data(), df_.data(),
                                    {network_.head_offset(), &gradient_.outer});
  }
  if (!stored && Traces()) {
    rule_->AdvanceTraced(step, {active.present, active.only_byte}, rule_state_.data(),
                         &gradient_.traced);
    if (sampled) diagnostics_.Sample(feedback, view, *rule_, position_);
    return;
  }
  if (stored || !rule_->has_outer()) {
    rule_->AdvanceAndGradient(step, rule_state_.data(), g_.data());
    if (sampled) diagnostics_.Sample(feedback, view, *rule_, position_);
    return;
  }
  rule_->Advance(theta, forward.cell, position_, rule_state_.data());
  // Before the outer products: both use the rule's scratch.
  if (sampled) diagnostics_.Sample(feedback, view, *rule_, position_);
  const auto of_head = static_cast<std::ptrdiff_t>(gradient_.outer.size());
  rule_->GradientAsOuter(step, &gradient_.outer);
  // The cell's parameters come first.
  std::rotate(gradient_.outer.begin(), gradient_.outer.begin() + of_head, gradient_.outer.end());
}

template <typename T>
Ahead<T>* Learner<T>::BeginAhead(const LearnerStep<T>& step) {
  if (step.next == nullptr || !network_.cell().can_begin() || !rule_->has_outer()) return nullptr;
  network_.cell().BeginForward(*step.next, hidden_.data(), &next_cell_, &ahead_.maps());
  return &ahead_;
}

template <typename T>
bool Learner<T>::TakeSums(std::uint64_t seq, CellStep<T>* cell) {
  if (sums_seq_ != seq) return false;
  sums_seq_ = 0;
  std::swap(*cell, next_cell_);
  return true;
}

template <typename T>
void Learner<T>::Update(const LearnerStep<T>& step, const NetworkStep<T>& forward, double weight) {
  const bool sparse = forward.cell.one_hot && rule_->SparseInputGradient() && optimizer_->sparse();
  T* const readout = weights_.theta.data() + network_.head_offset();
  const bool sampled = diagnostics_.Due(updates_);
  const ActiveColumns active = Active(step, sparse);
  FormGradient(forward, active, sparse, sampled);
  Ahead<T>* const ahead = BeginAhead(step);
  const UpdateResult result = updater_.Apply(
      *optimizer_, guard_, {active, step.release, ErrorNorm(), ahead}, gradient_, &weights_);
  if (result == UpdateResult::kNotFinite) return Diverged();
  if (!Silent(step) && !network_.head().Learn(forward.features.data(), step.target, weight, readout,
                                              head_state_.data())) {
    return Diverged();
  }
  if (ahead != nullptr) sums_seq_ = position_ + 1;
  if (sampled) diagnostics_.TakeNorms(updater_.gradient_norm());
  network_.LearnContexts(forward, dy_.data(), &contexts_);
  ++updates_;
  if (updater_.clipped()) ++clipped_;
  if (step.target.inferred) ++inferred_;
}

template <typename T>
void Learner<T>::CapSensitivities() {
  const std::int64_t count = rule_->SensitivitySize();
  if (guard_.max_sensitivity_norm <= 0 || count == 0) return;
  const double norm =
      kernels::Sqrt(static_cast<double>(kernels::SumSquares(rule_state_.data(), count)));
  if (norm <= guard_.max_sensitivity_norm) return;
  kernels::Scale(rule_state_.data(), static_cast<T>(guard_.max_sensitivity_norm / norm), count);
  rule_->StoreSensitivities(rule_state_.data());
}

template <typename T>
void Learner<T>::Step(const LearnerStep<T>& step, const Forwarded<T>& made) {
  MILLRACE_CHECK(step.seq == position_ + 1);
  sums_seq_ = 0;
  const NetworkStep<T>* forwarded = made.step;
  if (step.reset_before) {
    ZeroState();
    ++resets_;
  }
  if (forwarded == nullptr) {
    network_.Forward(weights_.theta.data(), step.input, hidden_.data(), &step_, y_.data());
    network_.AddContexts(contexts_, step_, y_.data());
    forwarded = &step_;
  }
  position_ = step.seq;
  if (!kernels::AllFinite(forwarded->state.data(), static_cast<std::int64_t>(hidden_.size()))) {
    return Diverged();
  }
  hidden_ = forwarded->state;
  diagnostics_.Advance(weights_.theta.data(), forwarded->cell, position_);
  const double weight = IsHeld(step.target.kind) ? TargetWeight(step.target) : 0.0;
  if (Learns(step)) {
    const T* const outputs = forwarded == &step_ ? y_.data() : made.outputs;
    loss_->Gradient(outputs, step.target, weight, network_.outputs(), dy_.data());
    Update(step, *forwarded, weight);
  } else {
    rule_->Advance(weights_.theta.data(), forwarded->cell, position_, rule_state_.data());
  }
  CapSensitivities();
  if (guard_.good_every > 0 && position_ % static_cast<std::uint64_t>(guard_.good_every) == 0) {
    KeepGoodCopy();
  }
}

template <typename T>
bool Learner<T>::Silent(const LearnerStep<T>& step) const {
  const CellInput<T>& input = step.input;
  if (input.byte != kNoByte) return false;
  if (input.dense == nullptr || input.present == nullptr) return input.dense == nullptr;
  return std::all_of(input.present, input.present + network_.layout().inputs(),
                     [](std::uint8_t present) { return present == 0; });
}

template <typename T>
void Learner<T>::Diverged() {
  ++divergences_;
  ++refused_;
  const bool again = last_divergence_ > 0 && position_ - last_divergence_ <=
                                                 static_cast<std::uint64_t>(guard_.freeze_within);
  last_divergence_ = std::max<std::uint64_t>(position_, 1);
  if (guard_.restore && good_copy_held_) {
    Restore();
  } else {
    ZeroState();
  }
  if (again) frozen_ = true;
}

template <typename T>
void Learner<T>::KeepGoodCopy() {
  const auto p = static_cast<std::int64_t>(weights_.theta.size());
  if (!kernels::AllFinite(weights_.theta.data(), p)) return;
  const auto head = static_cast<std::int64_t>(head_state_.size());
  if (!kernels::AllFinite(head_state_.data(), head)) return;
  good_ = weights_;
  good_head_ = head_state_;
  good_copy_held_ = true;
}

template <typename T>
void Learner<T>::Restore() {
  weights_ = good_;
  updater_.Renew();
  head_state_ = good_head_;
  ZeroState();
  ++restores_;
}

template <typename T>
void Learner<T>::Fill(StreamStats* stats) const {
  stats->learned_seq = position_;
  stats->updates = updates_;
  stats->refused_updates = refused_;
  stats->clipped_updates = clipped_;
  stats->divergences = divergences_;
  stats->restores = restores_;
  stats->resets = resets_;
  stats->inferred_targets = inferred_;
  stats->frozen = frozen_;
  stats->groups.assign(kGroupNames, kGroupNames + kGroups);
  stats->gradient_norm.assign(updater_.gradient_norm().begin(), updater_.gradient_norm().end());
  stats->relative_change.assign(updater_.relative_change().begin(),
                                updater_.relative_change().end());
  diagnostics_.Fill(*optimizer_, stats);
}

template <typename T>
void Learner<T>::Visit(StateVisitor& visitor) {
  sums_seq_ = 0;  // a loading visitor changes what they were formed with
  visitor.SetRole(StateRole::kLearner);
  visitor.SetScope("learner.");
  weights_.Visit(visitor);
  visitor.Fixed("hidden", hidden_);
  visitor.Fixed("rule", rule_state_);
  visitor.Fixed("constants", constants_);
  visitor.Fixed("head", head_state_);
  visitor.Fixed("class_counts", class_counts_);
  contexts_.Visit(visitor);
  visitor.SetRole(StateRole::kStream);
  visitor.SetScope("good.");
  good_.Visit(visitor);
  visitor.Fixed("head", good_head_);
  visitor.SetScope("learner.");
  visitor.Value("good_held", good_copy_held_);
  visitor.Value("frozen", frozen_);
  visitor.Value("position", position_);
  visitor.Value("last_divergence", last_divergence_);
  visitor.Value("updates", updates_);
  visitor.Value("refused", refused_);
  visitor.Value("clipped", clipped_);
  visitor.Value("divergences", divergences_);
  visitor.Value("restores", restores_);
  visitor.Value("resets", resets_);
  visitor.Value("inferred", inferred_);
  updater_.Visit(visitor);
  diagnostics_.Visit(visitor);
}

template class Learner<float>;
template class Learner<double>;

}  // namespace millrace::engine
