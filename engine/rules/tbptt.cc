#include "engine/rules/tbptt.h"

#include <algorithm>

#include "engine/cells/derivatives.h"
#include "engine/rules/state_size.h"
#include "kernels/ops.h"

namespace millrace::engine {
namespace {

constexpr std::int64_t kHeader = 2;  // steps held, the place of the next

// Of a cell of gates a step's share of the gradient is known by what goes back into the gates.
template <typename T>
std::size_t ShareSize(const Cell<T>& cell) {
  const Structure* const structure = cell.structure();
  return structure == nullptr ? static_cast<std::size_t>(cell.parameters())
                              : structure->gates.size() * static_cast<std::size_t>(structure->n);
}

// Numbers of a place.
std::int64_t PlaceSize(const StepShape& shape) { return shape.size + 2; }

std::int64_t SizeOf(const StepShape& shape, std::int64_t window) {
  return kHeader + window * PlaceSize(shape);
}

}  // namespace

PartDescription DescribeTbptt() {
  return {"rule",
          "tbptt",
          "Truncated back-propagation through time: each loss goes back through the last steps.",
          {{.name = "window",
            .type = SettingType::kInteger,
            .unit = "steps",
            .minimum = 1,
            .maximum = 65536,
            .default_value = std::int64_t{16},
            .sentence = "Steps that a loss goes back through, the present one included."}}};
}

absl::Status CheckTbptt(const PartSpec& cell, const StepShape& shape, const PartSpec& rule) {
  return CheckStateSize(cell, rule, SizeOf(shape, rule.Integer("window")), "shorten the window");
}

template <typename T>
TbpttRule<T>::TbpttRule(const PartSpec& part, const Cell<T>& cell)
    : cell_(cell),
      window_(part.Integer("window")),
      step_(cell.step_shape()),
      ds_(static_cast<std::size_t>(cell.components())),
      before_(ds_.size()),
      share_(ShareSize(cell)),
      scratch_(static_cast<std::size_t>(cell.scratch_size())) {}

template <typename T>
std::int64_t TbpttRule<T>::StateSize() const {
  return SizeOf(cell_.step_shape(), window_);
}

template <typename T>
void TbpttRule<T>::Advance(const T*, const CellStep<T>& step, std::uint64_t, T* state) {
  const auto next = static_cast<std::int64_t>(state[1]);
  T* const place = state + kHeader + next * PlaceSize(step.shape);
  std::copy(step.values.begin(), step.values.end(), place);
  place[step.shape.size] = step.one_hot ? T{1} : T{0};
  place[step.shape.size + 1] = static_cast<T>(step.byte);
  state[0] = std::min(state[0] + T{1}, static_cast<T>(window_));
  state[1] = static_cast<T>(next + 1 == window_ ? 0 : next + 1);
}

template <typename T>
void TbpttRule<T>::Load(const T* state, std::int64_t back) {
  const auto next = static_cast<std::int64_t>(state[1]);
  const std::int64_t at = (next - 1 - back + 2 * window_) % window_;
  const T* const place = state + kHeader + at * PlaceSize(step_.shape);
  std::copy_n(place, step_.shape.size, step_.values.begin());
  step_.one_hot = place[step_.shape.size] != T{0};
  step_.byte = static_cast<std::int64_t>(place[step_.shape.size + 1]);
}

template <typename T>
void TbpttRule<T>::Gradient(const Feedback<T>& feedback, const RuleView<T>& view, bool, T* g) {
  const auto held = static_cast<std::int64_t>(view.state[0]);
  std::fill(ds_.begin(), ds_.end(), T{0});
  std::copy_n(feedback.q, cell_.outputs(), ds_.end() - cell_.outputs());
  std::fill_n(g, cell_.parameters(), T{0});
  for (std::int64_t back = 0; back < held; ++back) {
    if (back > 0) {
      cell_.BackState(view.theta, step_, ds_.data(), scratch_.data(), before_.data());
      std::swap(ds_, before_);
    }
    Load(view.state, back);
    AddShare(view.theta, g);
  }
}

template <typename T>
void TbpttRule<T>::AddShare(const T* theta, T* g) {
  const Structure* const structure = cell_.structure();
  if (structure != nullptr) {
    GateDeltas(*structure, theta, step_, ds_.data(), scratch_.data(), share_.data());
    AddGateGradient(*structure, step_, share_.data(), g);
    return;
  }
  cell_.ImmediateGradient(theta, step_, ds_.data(), false, scratch_.data(), share_.data());
  kernels::AddScaled(share_.data(), T{1}, cell_.parameters(), g);
}

template class TbpttRule<float>;
template class TbpttRule<double>;

}  // namespace millrace::engine
