// Scoring: the loss, the class or the residual of what was issued, against the target that came.
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/stream_impl.h"
#include "kernels/ops.h"

namespace millrace::engine {
namespace {

// The most probable entry; the first of equals.
template <typename T>
std::int64_t ArgMax(const T* values, std::int64_t m) {
  return std::max_element(values, values + m) - values;
}

template <typename T>
bool Correct(const T* outputs, const TargetRow<T>& target, std::int64_t m) {
  const std::int64_t label =
      target.kind == TargetKind::kClass ? target.label : ArgMax(target.values, m);
  return ArgMax(outputs, m) == label;
}

// sum_k (p_k - y_k)^2.
template <typename T>
double Brier(const T* probabilities, const TargetRow<T>& target, std::int64_t m) {
  double sum = 0;
  for (std::int64_t k = 0; k < m; ++k) {
    const double y = target.kind == TargetKind::kClass ? (k == target.label ? 1.0 : 0.0)
                                                       : static_cast<double>(target.values[k]);
    const double difference = static_cast<double>(probabilities[k]) - y;
    sum += difference * difference;
  }
  return sum;
}

}  // namespace

template <typename T>
typename StreamImpl<T>::UnitLoss StreamImpl<T>::Score(std::uint64_t seq) {
  const TargetRow<T> target = window_.target(seq);
  const RowMarks& marks = window_.marks(seq);
  UnitLoss loss;
  if (target.inferred && !score_inferred_) return loss;
  const T* const live = window_.outputs(seq);
  const T* const shadow = window_.shadow_outputs(seq);
  const T* const served = marks.served_shadow ? shadow : live;
  const Loss<T>& function = learner_.loss();
  ScoredStep scored;
  scored.seq = seq;
  scored.live_loss = function.Value(live, target, m_);
  scored.served_shadow = marks.served_shadow;
  if (marks.has_shadow) scored.shadow_loss = function.Value(shadow, target, m_);
  if (model_->classification()) {
    kernels::Softmax(served, m_, probabilities_.data());
    scored.brier = Brier(probabilities_.data(), target, m_);
    scored.live_correct = Correct(live, target, m_);
    if (marks.has_shadow) scored.shadow_correct = Correct(shadow, target, m_);
  } else {
    for (std::size_t k = 0; k < residual_.size(); ++k) {
      residual_[k] = function.Mean(served[k]) - static_cast<double>(target.values[k]);
    }
    scored.residual = residual_;
  }
  // A diverged prediction has no finite loss: it is counted as a divergence, not averaged.
  if (!std::isfinite(scored.live_loss) ||
      (scored.shadow_loss.has_value() && !std::isfinite(*scored.shadow_loss))) {
    return loss;
  }
  monitor_.Score(scored);
  loss.served = marks.served_shadow ? *scored.shadow_loss : scored.live_loss;
  if (scored.shadow_loss.has_value()) loss.shadow = *scored.shadow_loss;
  return loss;
}

template <typename T>
void StreamImpl<T>::EndUnit(std::uint64_t seq) {
  monitor_.EndUnit(seq);
  if (monitor_.guard_tripped()) learner_.Freeze(true);
  if (monitor_.ShadowDue()) TakeShadow();
}

template StreamImpl<float>::UnitLoss StreamImpl<float>::Score(std::uint64_t);
template StreamImpl<double>::UnitLoss StreamImpl<double>::Score(std::uint64_t);
template void StreamImpl<float>::EndUnit(std::uint64_t);
template void StreamImpl<double>::EndUnit(std::uint64_t);

}  // namespace millrace::engine
