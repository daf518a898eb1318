#include "engine/heads/least_squares.h"

#include <algorithm>

#include "engine/check.h"
#include "engine/losses/known_outputs.h"
#include "kernels/ops.h"

namespace millrace::engine {

PartDescription DescribeLeastSquares() {
  return {"head", "least_squares",
          "y = W f + c of all features f, in closed form at every target: recursive least squares "
          "with forgetting.",
          ClosedFormSettings()};
}

template <typename T>
LeastSquaresHead<T>::LeastSquaresHead(const PartSpec& part, const HeadShape& shape)
    : ClosedFormHead<T>(part, shape),
      scatter_(part, shape.features() + 1),
      extended_(static_cast<std::size_t>(shape.features() + 1)),
      errors_(static_cast<std::size_t>(this->outputs())),
      row_(errors_.size()) {}

template <typename T>
bool LeastSquaresHead<T>::Errors(const T* theta, const T* f, const TargetRow<T>& target) const {
  this->Forward(theta, f, errors_.data());
  for (std::size_t c = 0; c < errors_.size(); ++c) {
    errors_[c] = Known(target.values[c]) ? target.values[c] - errors_[c] : T{0};
  }
  return kernels::AllFinite(errors_.data(), this->outputs());
}

template <typename T>
bool LeastSquaresHead<T>::Learn(const T* f, const TargetRow<T>& target, double weight, T* theta,
                                T* state) const {
  MILLRACE_CHECK(target.kind == TargetKind::kValues);
  if (this->Silent(f)) return true;
  if (!Errors(theta, f, target)) return false;
  std::copy_n(f, this->features(), extended_.data());
  extended_.back() = T{1};
  if (!scatter_.Update(extended_.data(), weight, weight, state)) return false;
  const typename InverseScatter<T>::Change& change = scatter_.change();
  for (std::size_t c = 0; c < row_.size(); ++c) row_[c] = change.gain * errors_[c];
  AddOuterProduct(change.along, row_, theta);

  scatter_.Replenish(weight, state);
  const T* const pulled = theta + change.place * this->outputs();
  for (std::size_t c = 0; c < row_.size(); ++c) {
    row_[c] = Known(target.values[c]) ? -change.gain * pulled[c] : T{0};
  }
  AddOuterProduct(change.along, row_, theta);
  return true;
}

template class LeastSquaresHead<float>;
template class LeastSquaresHead<double>;

}  // namespace millrace::engine
