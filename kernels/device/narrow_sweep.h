// The sweep of dense sensitivities in small blocks: a thread takes whole columns, in registers.
#ifndef MILLRACE_KERNELS_DEVICE_NARROW_SWEEP_H_
#define MILLRACE_KERNELS_DEVICE_NARROW_SWEEP_H_

#include <cstdint>

#include "kernels/device/columns.h"
#include "kernels/device/numbers.h"
#include "kernels/device/team.h"
#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"

namespace millrace::kernels::device {

// Which tiles of a sweep a block of threads takes: first, first + stride, ...
struct Share {
  int first, stride;
};

// One column: old values in, new values and the gradient out. S units of a block, C components.
template <int kUnits, int kComponents, typename Numbers, typename T, typename Block>
MILLRACE_HD T SweepColumn(const Team<T, Block>& team, int first, const Column<T>& column,
                          std::int64_t stride, const Kept<Numbers, T>& values) {
  const Shape& shape = team.plan.shape;
  const BlockPlan& blocks = team.plan.blocks;
  T old[kUnits * kComponents];
  for (int k = 0; k < kUnits * kComponents; ++k) old[k] = values.At(k * stride);
  T gradient = T(0);
  for (int c = 0; c < kComponents; ++c) {
    const bool recurs = Recurs(team, c);
    for (int i = 0; i < kUnits; ++i) {
      const UnitAt at = {first, c, i};
      const std::int64_t row = std::int64_t{c} * shape.n + first + i;
      const T* const jacobian = team.work.slot.jacobian + row * kUnits;
      T sum = T(0);
      if (recurs && blocks.kept == kNone) {
        for (int l = 0; l < kUnits; ++l) {
          const T factor = Numbers::Factor(team, old[shape.fed_back * kUnits + l]);
          sum = MulAdd(jacobian[l], factor, sum);
        }
      } else if (recurs) {
        const std::int32_t* const kept =
            team.plan.tables.kept + (first + i) * std::int64_t{blocks.kept};
        for (int k = 0; k < blocks.kept; ++k) {
          const T factor = Numbers::Factor(team, old[shape.fed_back * kUnits + kept[k]]);
          sum = MulAdd(jacobian[kept[k]], factor, sum);
        }
      }
      const T next = AddLocal(
          team, at, column, [&old](int k) { return old[k]; }, sum);
      values.Set((c * kUnits + i) * stride, next);
      gradient = MulAdd(FeedbackAt(team, at), next, gradient);
    }
  }
  return gradient;
}

template <int kUnits, int kComponents, typename Numbers, typename T, typename Block>
MILLRACE_HD_CALL void SweepNarrow(Team<T, Block>& team, const Share& share, bool learns) {
  const std::int64_t columns = team.plan.shape.cell_parameters;
  const int n = team.plan.shape.n;
  team.block.Phase([&](int t) {
    for (std::int64_t index = std::int64_t{share.first} * kThreads + t; index < columns;
         index += std::int64_t{share.stride} * kThreads) {
      const int row = static_cast<int>(index / n);
      const int unit = static_cast<int>(index - std::int64_t{row} * n);
      const int first = unit / kUnits * kUnits;
      const Column<T> column = ColumnOf(team, first, row, unit - first);
      const T gradient = SweepColumn<kUnits, kComponents>(team, first, column, columns,
                                                          KeptIn<Numbers>(team).From(index));
      if (learns) team.work.slot.gradient[index] = gradient;
    }
  });
}

// Whether there is code for these sizes; if so, `sweep` may be asked for it.
template <typename Numbers, typename T, typename Block>
MILLRACE_HD bool TrySweepNarrow(Team<T, Block>& team, const Share& share, bool learns) {
  switch (team.plan.shape.components * 100 + team.plan.blocks.s) {
    case 101:
      SweepNarrow<1, 1, Numbers>(team, share, learns);
      return true;
    case 102:
      SweepNarrow<2, 1, Numbers>(team, share, learns);
      return true;
    case 104:
      SweepNarrow<4, 1, Numbers>(team, share, learns);
      return true;
    case 108:
      SweepNarrow<8, 1, Numbers>(team, share, learns);
      return true;
    case 202:
      SweepNarrow<2, 2, Numbers>(team, share, learns);
      return true;
    case 204:
      SweepNarrow<4, 2, Numbers>(team, share, learns);
      return true;
    default:
      return false;
  }
}

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_NARROW_SWEEP_H_
