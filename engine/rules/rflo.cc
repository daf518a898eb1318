#include "engine/rules/rflo.h"

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
RfloRule<T>::RfloRule(const PartSpec& part) : random_feedback_(part.Text("feedback") == "random") {}

template <typename T>
void RfloRule<T>::InitializeConstants(std::uint64_t seed, std::int64_t n, std::int64_t m,
                                      T* constants) const {
  if (!random_feedback_) return;
  Random random(seed, 3);
  random.FillNormal(1.0 / kernels::Sqrt(static_cast<double>(m)), n * m, constants);
}

template <typename T>
void RfloRule<T>::Advance(const Cell<T>& cell, const T*, const CellStep<T>& step, T* state) {
  kernels::AdvanceTrace(cell.carry(), step.slope.data(), step.hhat.data(), step.rows(), step.n,
                        state);
}

template <typename T>
void RfloRule<T>::Gradient(const Feedback<T>& feedback, const CellStep<T>& step, const T* constants,
                           const T* state, bool, T* g) {
  const T* q = feedback.q;
  if (random_feedback_) {
    q_.resize(step.slope.size());
    kernels::TransposedMatVec(constants, feedback.dy, step.n, feedback.m, q_.data());
    q = q_.data();
  }
  kernels::ContractTrace(q, state, step.rows(), step.n, g);
}

template class RfloRule<float>;
template class RfloRule<double>;

}  // namespace millrace::engine
