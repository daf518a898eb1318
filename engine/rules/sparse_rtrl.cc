#include "engine/rules/sparse_rtrl.h"

#include "absl/strings/str_format.h"
#include "engine/errors.h"
#include "engine/rules/state_size.h"

namespace millrace::engine {
namespace {

absl::Status BadSpec(absl::string_view sentence) {
  return Error(absl::StatusCode::kInvalidArgument, kBadSpec, sentence);
}

absl::Status CheckBlock(const PartSpec& cell, const Structure& structure, std::int64_t k) {
  const std::int64_t c = structure.block_units();
  if (k < 1 || c % k != 0) {
    return BadSpec(absl::StrFormat(
        "setting 'k' of rule 'sparse_rtrl' is %d; expected a divisor of %d, the units that cell "
        "'%s' connects, since mask is 'block'; change k or the cell's units",
        k, c, cell.name));
  }
  if (k < c && !structure.unit_local()) {
    return BadSpec(absl::StrFormat(
        "setting 'mask' of rule 'sparse_rtrl' is 'block', which follows each unit's parameters "
        "within its block; those of cell '%s' reach other units within one step; use another mask",
        cell.name));
  }
  return absl::OkStatus();
}

absl::Status CheckCount(const PartSpec& cell, const Structure& structure, std::int64_t k) {
  const std::int64_t others = structure.block_units() - 1;
  if (k <= others) return absl::OkStatus();
  return BadSpec(absl::StrFormat(
      "setting 'k' of rule 'sparse_rtrl' is %d; expected an integer from 0 to %d, the other units "
      "that a unit of cell '%s' is connected with; lower k, or use rule 'rtrl'",
      k, others, cell.name));
}

}  // namespace

PartDescription DescribeSparseRtrl() {
  return {"rule",
          "sparse_rtrl",
          "Real-time recurrent learning through k of a unit's recurrent connections; the path "
          "through its own state is kept whole.",
          {{.name = "mask",
            .type = SettingType::kText,
            .choices = {"ring", "random", "oracle", "anti_oracle", "dynamic", "block"},
            .default_value = std::string("ring"),
            .sentence = "Which connections stay: neighbours, drawn ones, the largest or smallest "
                        "weights (chosen every 200 steps), the largest derivatives of the step, or "
                        "blocks of k units, which alone save memory."},
           {.name = "k",
            .type = SettingType::kInteger,
            .minimum = 0,
            .maximum = 16384,
            .default_value = std::int64_t{4},
            .sentence = "Other units a unit; an odd k of a ring counts as the even one below. With "
                        "mask 'block' the units of a block."},
           {.name = "include_self",
            .type = SettingType::kFlag,
            .default_value = true,
            .sentence = "Keep the unit's connection with itself too."},
           DescribeSensitivityNumbers()}};
}

absl::Status CheckSparseRtrl(const PartSpec& cell, const Structure* structure,
                             const PartSpec& rule) {
  if (structure == nullptr || structure->diagonal()) {
    return BadSpec(absl::StrFormat(
        "rule 'sparse_rtrl' leaves out connections between units; cell '%s' has none; use rule "
        "'rtrl', exact there at the cost of a trace",
        cell.name));
  }
  const bool block = rule.Text("mask") == "block";
  const std::int64_t k = rule.Integer("k");
  absl::Status fits = block ? CheckBlock(cell, *structure, k) : CheckCount(cell, *structure, k);
  if (!fits.ok()) return fits;
  return CheckStateSize(
      cell, rule,
      BlockSensitivities<float>::SizeOf(*structure, block ? k : structure->block_units()),
      block ? "lower k" : "use mask 'block', which alone saves memory");
}

template <typename T>
SparseRtrlRule<T>::SparseRtrlRule(const PartSpec& part, const Cell<T>& cell, std::uint64_t seed)
    : mask_(part, *cell.structure(), seed),
      sensitivities_(*cell.structure(), mask_.block_units(), mask_.most_kept(),
                     NumbersOf<T>(part)) {}

template <typename T>
const KeptEntries* SparseRtrlRule<T>::Load(const T* theta, const CellStep<T>& step, T* state) {
  sensitivities_.Load(theta, step);
  return mask_.Choose(theta, sensitivities_.jacobian(), state + sensitivities_.size());
}

template <typename T>
void SparseRtrlRule<T>::Advance(const T* theta, const CellStep<T>& step, std::uint64_t, T* state) {
  sensitivities_.Advance(step, Load(theta, step, state), state);
}

template <typename T>
void SparseRtrlRule<T>::Gradient(const Feedback<T>& feedback, const RuleView<T>& view, bool, T* g) {
  sensitivities_.Contract(feedback.q, view.state, g);
}

template <typename T>
void SparseRtrlRule<T>::AdvanceAndGradient(const LearningStep<T>& step, T* state, T* g) {
  const KeptEntries* const kept = Load(step.view.theta, step.view.step, state);
  sensitivities_.AdvanceAndContract(step.view.step, kept, step.feedback.q, state, g);
}

template class SparseRtrlRule<float>;
template class SparseRtrlRule<double>;

}  // namespace millrace::engine
