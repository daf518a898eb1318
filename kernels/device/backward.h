// The loss and what follows from it at one step: dL/dy, q = dL/d(outputs of the cell), and the
// pre-activations' derivatives of the immediate rule.
#ifndef MILLRACE_KERNELS_DEVICE_BACKWARD_H_
#define MILLRACE_KERNELS_DEVICE_BACKWARD_H_

#include <cstdint>

#include "kernels/device/team.h"
#include "kernels/math/exp.h"
#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"
#include "kernels/steps/block.h"
#include "kernels/steps/lanes.h"

namespace millrace::kernels::device {

// The sum of term(i) over i < count by one thread, in 16 lanes: term(i, sum) adds to a lane.
template <typename T, typename Add>
MILLRACE_HD T SumInLanes(int count, const Add& add) {
  T lanes[steps::kLanes] = {};
  int first = 0;
  for (; first + steps::kLanes <= count; first += steps::kLanes) {
    for (int l = 0; l < steps::kLanes; ++l) lanes[l] = add(first + l, lanes[l]);
  }
  for (int i = first; i < count; ++i) lanes[i - first] = add(i, lanes[i - first]);
  return steps::FoldLanes<steps::Added>(lanes);
}

template <typename T, typename Block>
MILLRACE_HD void SquaredErrorSlope(Team<T, Block>& team, const T* target, T scale) {
  team.For(team.plan.shape.m, [&](std::int64_t k) {
    const bool known = target[k] == target[k];
    team.v.dy[k] = known ? scale * (team.v.y[k] - target[k]) : T(0);
  });
}

// weight (softmax(y) - target).
template <typename T, typename Block>
MILLRACE_HD void CrossEntropySlope(Team<T, Block>& team, const Row& row, const T* target,
                                   T weight) {
  steps::BlockExecutor<Block> exec(team.block);
  const std::int64_t m = team.plan.shape.m;
  const T* const y = team.v.y;
  T* const dy = team.v.dy;
  const T largest = exec.template Largest<T>(m, [&](std::int64_t k) { return y[k]; });
  exec.For(m, [&](std::int64_t k) { dy[k] = Exp(y[k] - largest); });
  const T total = exec.template Sum<T>(m, [&](std::int64_t k) { return dy[k]; });
  exec.For(m, [&](std::int64_t k) {
    const T probability = dy[k] / total;
    const T wanted = row.target == TargetForm::kClass ? T(k == row.label ? 1 : 0) : target[k];
    dy[k] = (probability - wanted) * weight;
  });
}

// dL/dy, then q [o] = V dL/dy.
template <typename T, typename Block>
MILLRACE_HD void RunBackward(Team<T, Block>& team, const Row& row, const T* target) {
  const Shape& shape = team.plan.shape;
  if (team.plan.loss == LossForm::kMeanSquaredError) {
    SquaredErrorSlope(team, target, static_cast<T>(row.scale));
  } else {
    CrossEntropySlope(team, row, target, static_cast<T>(row.scale));
  }
  const T* const readout = team.work.slot.weights.theta + shape.cell_parameters;
  const T* const dy = team.v.dy;
  team.For(shape.outputs(), [&](std::int64_t j) {
    const T* const weights = readout + j * shape.m;
    team.v.q[j] =
        SumInLanes<T>(shape.m, [&](int k, T sum) { return MulAdd(weights[k], dy[k], sum); });
  });
}

// What reaches a modulator through the gates that see it: d(r h')/da times W^T delta.
template <typename T, typename Block>
MILLRACE_HD void AddModulatorDelta(Team<T, Block>& team) {
  const Shape& shape = team.plan.shape;
  const std::int64_t n = shape.n;
  const int c = shape.block_units;
  team.For(n, [&](std::int64_t j) {
    const std::int64_t first = j / c * c;
    for (int g = 0; g < shape.gates; ++g) {
      const GatePlan& gate = team.plan.tables.gates[g];
      if (gate.modulator == kNone) continue;
      const T* const weights = team.work.slot.weights.theta + gate.offset + (j - first) * n + first;
      const T* const delta = team.v.delta + g * n + first;
      const T through =
          SumInLanes<T>(c, [&](int i, T sum) { return MulAdd(weights[i], delta[i], sum); });
      T* const own = team.v.delta + gate.modulator * n + j;
      *own = MulAdd(team.v.extra[2 * n + j], through, *own);
    }
  });
}

// delta[g, i] = dL/da of every gate at a held state before.
template <typename T, typename Block>
MILLRACE_HD void FillDeltas(Team<T, Block>& team) {
  const Shape& shape = team.plan.shape;
  const std::int64_t n = shape.n;
  team.For(shape.gates * n, [&](std::int64_t index) {
    const int gate = static_cast<int>(index) / shape.n;
    const std::int64_t i = index - gate * n;
    T sum = T(0);
    for (int k = 0; k < shape.slopes; ++k) {
      const Pair pair = team.plan.tables.slope[k];
      if (pair.from != gate || pair.to < shape.first_output) continue;
      sum = MulAdd(team.v.slope[k * n + i], team.v.q[(pair.to - shape.first_output) * n + i], sum);
    }
    team.v.delta[index] = sum;
  });
  if (shape.modulated) AddModulatorDelta(team);
}

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_BACKWARD_H_
