#include "engine/diagnostics/self_propagation.h"

#include <algorithm>
#include <cmath>

#include "engine/cells/derivatives.h"

namespace millrace::engine {

template <typename T>
SelfPropagation<T>::SelfPropagation(const Cell<T>& cell)
    : cell_(cell), diagonal_(static_cast<std::size_t>(cell.components())) {
  const Structure* const structure = cell.structure();
  if (structure == nullptr) {
    tangent_.resize(diagonal_.size());
    after_.resize(diagonal_.size());
    extra_.resize(static_cast<std::size_t>(cell.scratch_size()));
  } else if (structure->fed_back != kNone) {
    jacobian_.resize(static_cast<std::size_t>(structure->n * structure->block_units()));
  }
}

template <typename T>
void SelfPropagation<T>::LoadOfGates(const T* theta, const CellStep<T>& step) {
  const Structure& structure = *cell_.structure();
  const std::int64_t n = structure.n;
  std::fill(diagonal_.begin(), diagonal_.end(), T{0});
  for (std::size_t k = 0; k < structure.carry.size(); ++k) {
    const Pair& pair = structure.carry[k];
    if (pair.to != pair.from) continue;
    std::copy_n(step.carry() + static_cast<std::int64_t>(k) * n, n, diagonal_.data() + pair.to * n);
  }
  if (structure.fed_back == kNone) return;
  const std::int64_t c = structure.block_units();
  RecurrentJacobian(structure, theta, step, structure.fed_back, jacobian_.data());
  T* const own = diagonal_.data() + structure.fed_back * n;
  for (std::int64_t i = 0; i < n; ++i) {
    own[i] += jacobian_[static_cast<std::size_t>(i * c + i % c)];
  }
}

template <typename T>
void SelfPropagation<T>::LoadOfAny(const T* theta, const CellStep<T>& step) {
  std::fill(tangent_.begin(), tangent_.end(), T{0});
  for (std::size_t i = 0; i < diagonal_.size(); ++i) {
    tangent_[i] = T{1};
    cell_.ForwardState(theta, step, tangent_.data(), extra_.data(), after_.data());
    tangent_[i] = T{0};
    diagonal_[i] = after_[i];
  }
}

template <typename T>
Diagonal SelfPropagation<T>::Measure(const T* theta, const CellStep<T>& step) {
  if (cell_.structure() == nullptr) {
    LoadOfAny(theta, step);
  } else {
    LoadOfGates(theta, step);
  }
  Diagonal sum;
  for (const T entry : diagonal_) {
    sum.mean += static_cast<double>(entry);
    sum.mean_absolute += std::fabs(static_cast<double>(entry));
  }
  const auto count = static_cast<double>(diagonal_.size());
  return {sum.mean / count, sum.mean_absolute / count};
}

template class SelfPropagation<float>;
template class SelfPropagation<double>;

}  // namespace millrace::engine
