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
      q_(static_cast<std::size_t>(cell.outputs())) {}

template <typename T>
void RfloRule<T>::InitializeConstants(std::uint64_t seed, std::int64_t m, T* constants) const {
  if (!random_feedback_) return;
  Random random(seed, 3);
  random.FillNormal(1.0 / kernels::Sqrt(static_cast<double>(m)), outputs_ * m, constants);
}

template <typename T>
void RfloRule<T>::Advance(const T*, const CellStep<T>& step, std::uint64_t, T* state) {
  std::copy_n(step.carry(), step.shape.slope - step.shape.carry, traces_.coupling());
  traces_.Advance(step, T{1}, state);
}

template <typename T>
void RfloRule<T>::Gradient(const Feedback<T>& feedback, const RuleView<T>& view, bool, T* g) {
  const T* q = feedback.q;
  if (random_feedback_) {
    kernels::TransposedMatVec(view.constants, feedback.dy, outputs_, feedback.m, q_.data());
    q = q_.data();
  }
  traces_.Contract(q, view.state, g);
}

template class RfloRule<float>;
template class RfloRule<double>;

}  // namespace millrace::engine
