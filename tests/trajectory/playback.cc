#include "tests/trajectory/playback.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "kernels/ops.h"

namespace millrace::trajectory {
namespace {

template <typename Numbers>
bool AllFinite(const Numbers& numbers) {
  return kernels::AllFinite(numbers.data(), static_cast<std::int64_t>(numbers.size()));
}

absl::Status NotFinite(std::int64_t t, const char* what) {
  return absl::OutOfRangeError(
      absl::StrCat(what, " of step ", t, " (the first is 0) has a number that is not finite; ",
                   "expected finite ones; lower the rate, or check weights and inputs"));
}

}  // namespace

Playback::Playback(const Recording& recording)
    : recording_(recording),
      network_(recording.spec, recording.width),
      loss_(engine::MakeLoss<double>(recording.spec.loss)),
      rule_(engine::MakeRule<double>(recording.spec.rule, network_.cell(), recording.seed)),
      optimizer_(engine::MakeOptimizer<double>(recording.spec.optimizer)),
      guard_(recording.spec.guard),
      updater_(network_.layout()),
      state_(recording.state),
      rule_state_(recording.rule_state),
      constants_(recording.feedback),
      step_(network_.MakeStep()),
      y_(static_cast<std::size_t>(network_.outputs())),
      dy_(y_.size()),
      df_(step_.features.size()),
      g_(recording.theta.size()) {
  weights_.theta.assign(recording.theta.begin(), recording.theta.end());
  updater_.Initialize(*optimizer_, &weights_);
  if (rule_state_.empty()) rule_state_.resize(static_cast<std::size_t>(rule_->StateSize()));
  if (!constants_.empty()) return;
  constants_.resize(static_cast<std::size_t>(rule_->ConstantsSize(network_.outputs())));
  rule_->InitializeConstants(recording.seed, network_.outputs(), constants_.data());
}

void Playback::Advance(std::int64_t t) {
  const engine::CellInput<double> input{.dense = recording_.inputs.data() + t * recording_.width};
  network_.Forward(weights_.theta.data(), input, state_.data(), &step_, y_.data());
  state_ = step_.state;
  if (!recording_.noise.empty()) {
    const std::int64_t count = rule_->NoiseSize();
    rule_->InjectNoise(recording_.noise.data() + t * count, count);
  }
  // Steps count from 1 in the engine.
  rule_->Advance(weights_.theta.data(), step_.cell, static_cast<std::uint64_t>(t) + 1,
                 rule_state_.data());
}

engine::TargetRow<double> Playback::TargetOf(std::int64_t t) const {
  const RecordedTarget& target = recording_.targets[static_cast<std::size_t>(t)];
  return {.kind = target.kind,
          .values = target.values.data(),
          .label = target.label,
          .weight = recording_.target_weight};
}

std::vector<double> Playback::Prediction() const {
  std::vector<double> prediction(y_.size());
  if (loss_->classification()) {
    kernels::Softmax(y_.data(), network_.outputs(), prediction.data());
    return prediction;
  }
  for (std::size_t k = 0; k < y_.size(); ++k) prediction[k] = loss_->Mean(y_[k]);
  return prediction;
}

// As the learner has it: a gradient that is an outer product is not written down.
void Playback::ListOuter(engine::Gradient<double>* gradient) {
  if (!rule_->has_outer() || !network_.head().has_outer()) return;
  const engine::Feedback<double> feedback{df_.data(), dy_.data(), network_.outputs()};
  const engine::RuleView<double> view{weights_.theta.data(), step_.cell, constants_.data(),
                                      rule_state_.data()};
  rule_->GradientAsOuter({feedback, view, 0, false}, &gradient->outer);
  network_.head().BackwardAsOuter(weights_.theta.data() + network_.head_offset(),
                                  step_.features.data(), dy_.data(), df_.data(),
                                  {network_.head_offset(), &gradient->outer});
}

absl::Status Playback::Learn(std::int64_t t, PlayedStep* played) {
  double* const head = weights_.theta.data() + network_.head_offset();
  loss_->Gradient(y_.data(), TargetOf(t), recording_.target_weight, network_.outputs(), dy_.data());
  network_.head().Backward(head, step_.features.data(), dy_.data(), df_.data(),
                           g_.data() + network_.head_offset());
  rule_->Gradient({df_.data(), dy_.data(), network_.outputs()},
                  {weights_.theta.data(), step_.cell, constants_.data(), rule_state_.data()}, false,
                  g_.data());
  played->gradient = g_;
  engine::Gradient<double> gradient{.stored = g_.data()};
  ListOuter(&gradient);
  double error = 0;
  for (const double number : dy_) error += std::fabs(number);
  const engine::UpdateResult result = updater_.Apply(
      *optimizer_, guard_, {.error = optimizer_->bounds_step() ? error : 0.0}, gradient, &weights_);
  if (result == engine::UpdateResult::kNotFinite) return NotFinite(t, "the gradient");
  return AllFinite(weights_.theta) ? absl::OkStatus()
                                   : NotFinite(t, "the weights after the update");
}

absl::StatusOr<PlayedStep> Playback::Step(std::int64_t t) {
  Advance(t);
  PlayedStep played{.state = state_, .outputs = y_, .prediction = Prediction()};
  played.gradient.assign(g_.size(), 0.0);
  if (!AllFinite(played.state)) return NotFinite(t, "the state");
  if (!AllFinite(played.outputs)) return NotFinite(t, "the prediction");
  const engine::TargetRow<double> target = TargetOf(t);
  if (!engine::IsHeld(target.kind)) return played;
  played.held = true;
  played.loss = loss_->Value(y_.data(), target, network_.outputs());
  if (!std::isfinite(played.loss)) return NotFinite(t, "the loss");
  if (!rule_->learns()) return played;
  absl::Status learned = Learn(t, &played);
  if (!learned.ok()) return learned;
  return played;
}

}  // namespace millrace::trajectory
