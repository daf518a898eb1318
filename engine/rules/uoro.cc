#include "engine/rules/uoro.h"

#include <algorithm>

#include "kernels/math/sqrt.h"
#include "kernels/ops.h"

namespace millrace::engine {
namespace {

template <typename T>
T Norm(const T* x, std::int64_t count) {
  return kernels::Sqrt(kernels::SumSquares(x, count));
}

}  // namespace

PartDescription DescribeUoro() {
  return {"rule",
          "uoro",
          "Unbiased online recurrent optimisation (Tallec and Ollivier 2018): a random rank-one "
          "estimate of the sensitivities.",
          {}};
}

template <typename T>
UoroRule<T>::UoroRule(const Cell<T>& cell, std::uint64_t seed)
    : cell_(cell),
      noise_(seed, cell.components()),
      passed_(static_cast<std::size_t>(cell.components())),
      drawn_(static_cast<std::size_t>(cell.parameters())),
      scratch_(static_cast<std::size_t>(cell.scratch_size())) {}

template <typename T>
void UoroRule<T>::Advance(const T* theta, const CellStep<T>& step, std::uint64_t number, T* state) {
  const std::int64_t states = cell_.components(), p = cell_.parameters();
  T* const a = state;
  T* const b = state + states;
  const T* const nu = noise_.Draw(number);
  cell_.ForwardState(theta, step, a, scratch_.data(), passed_.data());
  cell_.ImmediateGradient(theta, step, nu, false, scratch_.data(), drawn_.data());
  const T p0 = BalancingScale(Norm(b, p), Norm(passed_.data(), states));
  const T p1 = BalancingScale(Norm(drawn_.data(), p), Norm(nu, states));
  std::fill_n(a, states, T{0});
  kernels::AddScaled(passed_.data(), p0, states, a);
  kernels::AddScaled(nu, p1, states, a);
  kernels::Scale(b, T{1} / p0, p);
  kernels::AddScaled(drawn_.data(), T{1} / p1, p, b);
}

template <typename T>
void UoroRule<T>::Gradient(const Feedback<T>& feedback, const RuleView<T>& view, bool, T* g) {
  const std::int64_t states = cell_.components(), outputs = cell_.outputs();
  const T along = kernels::Dot(feedback.q, view.state + states - outputs, outputs);
  std::copy_n(view.state + states, cell_.parameters(), g);
  kernels::Scale(g, along, cell_.parameters());
}

template class UoroRule<float>;
template class UoroRule<double>;

}  // namespace millrace::engine
