#include "engine/rules/rflo.h"

#include <algorithm>

#include "engine/random.h"
#include "kernels/math/sqrt.h"
#include "kernels/ops.h"

namespace millrace::engine {

PartDescription DescribeRflo() {
  return {"rule",
          "rflo",
          "Random feedback local online learning (Murray 2019): a trace with the cell's own leak.",
          {{.name = "feedback",
            .type = SettingType::kText,
            .choices = {"readout", "random"},
            .default_value = std::string("readout"),
            .sentence = "Errors reach the units through the readout's weights or a fixed random "
                        "matrix."}}};
}

template <typename T>
RfloRule<T>::RfloRule(const PartSpec& part, const Cell<T>& cell)
    : random_feedback_(part.Text("feedback") == "random"),
      outputs_(cell.outputs()),
      traces_(*cell.structure(), cell.structure()->carry),
      q_(static_cast<std::size_t>(cell.outputs())),
      traced_q_(q_.size()) {}

template <typename T>
void RfloRule<T>::InitializeConstants(std::uint64_t seed, std::int64_t m, T* constants) const {
  if (!random_feedback_) return;
  Random random(seed, 3);
  random.FillNormal(1.0 / kernels::Sqrt(static_cast<double>(m)), outputs_ * m, constants);
}

template <typename T>
void RfloRule<T>::LoadCoupling(const CellStep<T>& step) {
  std::copy_n(step.carry(), step.shape.slope - step.shape.carry, traces_.coupling());
}

template <typename T>
const T* RfloRule<T>::FeedbackOf(const Feedback<T>& feedback, const T* constants, T* room) const {
  if (!random_feedback_) return feedback.q;
  kernels::TransposedMatVec(constants, feedback.dy, outputs_, feedback.m, room);
  return room;
}

template <typename T>
void RfloRule<T>::Advance(const T*, const CellStep<T>& step, std::uint64_t, T* state) {
  LoadCoupling(step);
  traces_.Advance(step, T{1}, state);
}

template <typename T>
void RfloRule<T>::Gradient(const Feedback<T>& feedback, const RuleView<T>& view, bool, T* g) {
  traces_.Contract(FeedbackOf(feedback, view.constants, q_.data()), view.state, g);
}

template <typename T>
void RfloRule<T>::AdvanceTraced(const LearningStep<T>& step, const TakingRows& rows, T* state,
                                std::vector<TracedGradient<T>>* traced) {
  LoadCoupling(step.view.step);
  const T* const q = FeedbackOf(step.feedback, step.view.constants, traced_q_.data());
  traces_.Sweep(step.view.step, T{1}, {q, rows}, state, traced);
}

template class RfloRule<float>;
template class RfloRule<double>;

}  // namespace millrace::engine
