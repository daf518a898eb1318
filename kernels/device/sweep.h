// The sweep of dense sensitivities: S <- J S + the unit's own terms, G = q S, in place, with one
// read and one write of S.
//
// Columns of S do not mix, so a tile of them is copied to shared memory with all its rows, and the
// new values go from registers to their place while the old ones stay. A thread has 4 columns and 4
// or 8 rows of a pass over the rows. The Jacobian is in shared memory whole where it fits (then
// once a block of units), else some of its columns at a time. Through a mask only the kept entries
// are read, from the slot. Small blocks of units need no tiles (narrow_sweep.h); on matrix units
// tiles have another shape (tensor_sweep.h).
#ifndef MILLRACE_KERNELS_DEVICE_SWEEP_H_
#define MILLRACE_KERNELS_DEVICE_SWEEP_H_

#include <cstdint>
#include <type_traits>

#include "kernels/device/narrow_sweep.h"
#include "kernels/device/numbers.h"
#include "kernels/device/team.h"
#include "kernels/device/tensor_sweep.h"
#include "kernels/device/tile.h"
#include "kernels/math/platform.h"

namespace millrace::kernels::device {

// All rows with the whole Jacobian in shared memory, or through a mask: one phase.
template <int kRows, typename Numbers, typename T, typename Block, typename Held>
MILLRACE_HD void SweepWhole(Team<T, Block>& team, const TileAt& tile, const TileMemory<T>& memory,
                            Held& held) {
  const BlockPlan& blocks = team.plan.blocks;
  const int passes = (blocks.s + blocks.pass_rows() - 1) / blocks.pass_rows();
  const int stride = passes * blocks.pass_rows();
  team.block.Phase([&](int t) {
    Part4<T, kRows>& part = held.Of(t);
    const Place place = PlaceOf<kRows>(blocks, t);
    const T* const right = memory.old +
                           std::int64_t{team.plan.shape.fed_back} * blocks.s * blocks.width +
                           place.column;
    for (int k = 0; k < 4; ++k) part.gradient[k] = T(0);
    for (int c = 0; c < team.plan.shape.components; ++c) {
      const bool recurs = blocks.kept == kNone && Recurs(team, c);
      for (int row = place.row; row < blocks.s; row += blocks.pass_rows()) {
        ClearSums(&part);
        if (recurs) {
          const T* const left = memory.jacobian + std::int64_t{c} * blocks.s * stride + row;
          Multiply<Numbers>(team, left, stride, right, blocks.s, &part);
        }
        Finish<Numbers>(team, tile, memory, {tile.first, c, row}, place, &part);
      }
    }
  });
}

// The same with some columns of the Jacobian at a time.
template <int kRows, typename Numbers, typename T, typename Block, typename Held>
MILLRACE_HD void SweepInPieces(Team<T, Block>& team, const TileAt& tile,
                               const TileMemory<T>& memory, Held& held) {
  const BlockPlan& blocks = team.plan.blocks;
  const std::int64_t fed_back = std::int64_t{team.plan.shape.fed_back} * blocks.s;
  team.block.Phase([&](int t) {
    for (int k = 0; k < 4; ++k) held.Of(t).gradient[k] = T(0);
  });
  for (int c = 0; c < team.plan.shape.components; ++c) {
    const bool recurs = Recurs(team, c);
    for (int row = 0; row < blocks.s; row += blocks.pass_rows()) {
      team.block.Phase([&](int t) { ClearSums(&held.Of(t)); });
      for (int from = 0; recurs && from < blocks.s; from += blocks.depth) {
        const int depth = blocks.s - from < blocks.depth ? blocks.s - from : blocks.depth;
        const Piece piece = {tile.first,        c, row, blocks.pass_rows(), from, depth,
                             blocks.pass_rows()};
        team.block.Phase([&](int t) { StageJacobian(team, t, piece, memory.jacobian, InOrder()); });
        team.block.Phase([&](int t) {
          const Place place = PlaceOf<kRows>(blocks, t);
          Multiply<Numbers>(team, memory.jacobian + place.row, blocks.pass_rows(),
                            memory.old + (fed_back + from) * blocks.width + place.column, depth,
                            &held.Of(t));
        });
      }
      team.block.Phase([&](int t) {
        const Place place = PlaceOf<kRows>(blocks, t);
        Finish<Numbers>(team, tile, memory, {tile.first, c, row + place.row}, place, &held.Of(t));
      });
    }
  }
}

// The gradient of the tile's columns from what each row of threads has of it.
template <int kRows, typename T, typename Block, typename Held>
MILLRACE_HD void FoldGradient(Team<T, Block>& team, const TileAt& tile, const TileMemory<T>& memory,
                              Held& held) {
  const BlockPlan& blocks = team.plan.blocks;
  T* const partial = memory.partial;
  team.block.Phase([&](int t) {
    const Place place = PlaceOf<kRows>(blocks, t);
    for (int k = 0; k < 4; ++k) {
      partial[t / blocks.column_threads() * blocks.width + place.column + k] =
          held.Of(t).gradient[k];
    }
  });
  team.For(tile.count, [&](std::int64_t k) {
    T sum = T(0);
    for (int row = 0; row < blocks.row_threads(); ++row) sum += partial[row * blocks.width + k];
    team.work.slot.gradient[memory.columns[k].parameter] = sum;
  });
}

template <int kRows, typename Numbers, typename T, typename Block>
MILLRACE_HD_CALL void SweepWide(Team<T, Block>& team, const Share& share, bool learns) {
  const Plan<T>& plan = team.plan;
  const BlockPlan& blocks = plan.blocks;
  const int columns = plan.shape.rows * blocks.s;
  const int tiles = (columns + blocks.width - 1) / blocks.width;
  const TileMemory<T> memory = MemoryOf(team);
  const bool whole = blocks.kept != kNone || blocks.depth == blocks.s;
  auto held = team.block.template Registers<Part4<T, kRows>>();
  int staged = kNone;
  for (int number = share.first; number < tiles * (plan.shape.n / blocks.s);
       number += share.stride) {
    const int first = number / tiles * blocks.s;
    const int column = number % tiles * blocks.width;
    const TileAt tile = {first, column,
                         columns - column < blocks.width ? columns - column : blocks.width};
    if (whole && blocks.kept == kNone && staged != first) {
      StageWhole(team, first, memory.jacobian, blocks.s, InOrder());
      staged = first;
    }
    LoadTile<Numbers>(team, tile, memory, InOrder());
    if (whole) {
      SweepWhole<kRows, Numbers>(team, tile, memory, held);
    } else {
      SweepInPieces<kRows, Numbers>(team, tile, memory, held);
    }
    if (learns) FoldGradient<kRows>(team, tile, memory, held);
  }
}

// The share of a sweep. `learns`: the gradient of the columns is wanted.
template <typename T, typename Block>
MILLRACE_HD void SweepBlocks(Team<T, Block>& team, const Share& share, bool learns) {
  if constexpr (std::is_same_v<T, float>) {
    if (team.plan.blocks.tensor) return SweepOnTensorUnits(team, share, learns);
  }
  WithNumbers(team, [&](const auto& numbers) {
    using Numbers = std::remove_cv_t<std::remove_reference_t<decltype(numbers)>>;
    if (TrySweepNarrow<Numbers>(team, share, learns)) return;
    if (team.plan.blocks.rows == 8) {
      SweepWide<8, Numbers>(team, share, learns);
    } else {
      SweepWide<4, Numbers>(team, share, learns);
    }
  });
}

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_SWEEP_H_
