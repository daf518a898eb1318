#include "engine/rules/immediate.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "engine/errors.h"

namespace millrace::engine {
namespace {

// Every component decays by itself.
std::vector<Pair> Alone(const Structure& structure) {
  std::vector<Pair> pairs;
  for (int c = structure.first_output; c < structure.components; ++c) pairs.push_back({c, c});
  return pairs;
}

}  // namespace

PartDescription DescribeImmediate() {
  return {"rule",
          "immediate",
          "Immediate derivatives, with an optional decaying trace of them.",
          {{.name = "decay",
            .minimum = 0,
            .maximum = 0.9999,
            .default_value = 0.0,
            .sentence = "What the trace keeps from step to step; 0 carries nothing. Traces with a "
                        "decay near 1 and Adam are known to collapse.",
            .changeable = true},
           {.name = "normalised",
            .type = SettingType::kFlag,
            .default_value = false,
            .sentence = "Multiply the new term by 1 - decay."}}};
}

absl::Status CheckImmediate(const PartSpec& cell, const Structure* structure,
                            const PartSpec& rule) {
  if (rule.Number("decay") == 0 || (structure != nullptr && structure->unit_local())) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kInvalidArgument, kBadSpec,
               absl::StrFormat("rule 'immediate' has a decay, which needs parameters that reach "
                               "their own unit alone; those of cell '%s' reach others within one "
                               "step; set decay to 0, or use rule 'tbptt'",
                               cell.name));
}

template <typename T>
ImmediateRule<T>::ImmediateRule(const PartSpec& part, const Cell<T>& cell)
    : cell_(cell),
      scale_(part.Flag("normalised") ? T{1} - static_cast<T>(part.Number("decay")) : T{1}),
      ds_(static_cast<std::size_t>(cell.components()), T{0}),
      scratch_(static_cast<std::size_t>(cell.scratch_size())) {
  const T decay = static_cast<T>(part.Number("decay"));
  if (decay == T{0}) return;
  const Structure& structure = *cell.structure();
  traces_.emplace(structure, Alone(structure));
  std::fill_n(traces_->coupling(), static_cast<std::int64_t>(traces_->pairs().size()) * structure.n,
              decay);
}

template <typename T>
std::int64_t ImmediateRule<T>::Reach() const {
  const Structure* const structure = cell_.structure();
  if (structure == nullptr) return kAllUnits;
  return structure->unit_local() ? 1 : structure->block_units();
}

template <typename T>
void ImmediateRule<T>::Advance(const T*, const CellStep<T>& step, std::uint64_t, T* state) {
  if (traces_.has_value()) traces_->Advance(step, scale_, state);
}

template <typename T>
void ImmediateRule<T>::Spread(const Feedback<T>& feedback) {
  std::copy_n(feedback.q, cell_.outputs(), ds_.data() + cell_.components() - cell_.outputs());
}

template <typename T>
void ImmediateRule<T>::Gradient(const Feedback<T>& feedback, const RuleView<T>& view, bool sparse,
                                T* g) {
  if (traces_.has_value()) {
    traces_->Contract(feedback.q, view.state, g);
    return;
  }
  Spread(feedback);
  cell_.ImmediateGradient(view.theta, view.step, ds_.data(), sparse, scratch_.data(), g);
}

template <typename T>
void ImmediateRule<T>::GradientAsOuter(const LearningStep<T>& step,
                                       std::vector<OuterGradient<T>>* outer) {
  Spread(step.feedback);
  cell_.ImmediateAsOuter(step.view.theta, step.view.step, ds_.data(), scratch_.data(), outer);
}

template class ImmediateRule<float>;
template class ImmediateRule<double>;

}  // namespace millrace::engine
