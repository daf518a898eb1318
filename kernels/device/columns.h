// A column of dense sensitivities: the parameter it belongs to, and what a step adds to it beside
// the product with the Jacobian.
//
// State [C, s, K, n]: for each place of a block, the parameters in their own order. Column
// number k of a block of units is that of row k / s and the block's unit k % s.
#ifndef MILLRACE_KERNELS_DEVICE_COLUMNS_H_
#define MILLRACE_KERNELS_DEVICE_COLUMNS_H_

#include <cstdint>

#include "kernels/device/team.h"
#include "kernels/device/traces.h"
#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"

namespace millrace::kernels::device {

template <typename T>
struct Column {
  std::int64_t parameter;  // its place in the gradient
  int gate;
  int unit;  // within the block
  bool modulates;
  T value;  // what its row meets
};

// Of a row of parameters, and a unit of the block that begins at `first`.
template <typename T, typename Block>
MILLRACE_HD Column<T> ColumnOf(const Team<T, Block>& team, int first, int row, int unit) {
  const Shape& shape = team.plan.shape;
  Column<T> at;
  at.unit = unit;
  at.parameter = std::int64_t{row} * shape.n + first + unit;
  at.gate = 0;
  while (at.gate + 1 < shape.gates && team.plan.tables.gates[at.gate + 1].row <= row) ++at.gate;
  const GatePlan& gate = team.plan.tables.gates[at.gate];
  at.modulates = gate.modulates;
  at.value = FanInAt(team, gate, row - gate.row, first);
  return at;
}

// Whether any recurrent weight reaches a component within one step.
template <typename T, typename Block>
MILLRACE_HD bool Recurs(const Team<T, Block>& team, int component) {
  for (int k = 0; k < team.plan.shape.slopes; ++k) {
    const Pair pair = team.plan.tables.slope[k];
    if (pair.to == component && team.plan.tables.gates[pair.from].recurrent > 0) return true;
  }
  return false;
}

// Where a component of a unit stands in a block.
struct UnitAt {
  int first;  // unit of the block
  int component;
  int i;  // unit within the block
};

// sum plus the carry of what the unit's components were, plus the immediate term. old(c s + i): the
// old value of this column for component c of unit i.
template <typename T, typename Block, typename Old>
MILLRACE_HD T AddLocal(const Team<T, Block>& team, const UnitAt& at, const Column<T>& column,
                       const Old& old, T sum) {
  const Plan<T>& plan = team.plan;
  const std::int64_t n = plan.shape.n;
  const std::int64_t unit = at.first + at.i;
  for (int k = 0; k < plan.shape.carries; ++k) {
    const Pair pair = plan.tables.carry[k];
    if (pair.to != at.component) continue;
    sum = MulAdd(team.v.carry[k * n + unit], old(pair.from * plan.blocks.s + at.i), sum);
  }
  if (at.i == column.unit) {
    for (int k = 0; k < plan.shape.slopes; ++k) {
      const Pair pair = plan.tables.slope[k];
      if (pair.to != at.component || pair.from != column.gate) continue;
      sum = MulAdd(team.v.slope[k * n + unit], column.value, sum);
    }
  }
  if (!column.modulates) return sum;
  const std::int64_t row = (at.component * n + unit) * plan.blocks.s;
  return MulAdd(team.work.slot.reach[row + column.unit], column.value, sum);
}

// q of a component of a unit; 0 where the head does not see it.
template <typename T, typename Block>
MILLRACE_HD T FeedbackAt(const Team<T, Block>& team, const UnitAt& at) {
  const Shape& shape = team.plan.shape;
  if (at.component < shape.first_output) return T(0);
  const std::int64_t output = at.component - shape.first_output;
  return team.v.q[output * shape.n + at.first + at.i];
}

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_COLUMNS_H_
