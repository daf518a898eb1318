// A tile of dense sensitivities whose product with the Jacobian is made on matrix units, in TF32 or
// in three products of it that are as exact as float32 (Ootomo and Yokota 2022): with x = xh + xl,
//   J S = Jl Sh + Jh Sl + Jh Sh.
// Eight rows of S at a time are multiplied by the units, from zero on, and the result joins the
// sums by a float32 addition: the units' own additions round towards zero, and over a long sum that
// would show.
//
// A warp has 32 columns and 16 rows of a pass over the rows, or 32 where it makes one product;
// warps stand beside each other in columns first. Shared memory: the columns, the Jacobian's part
// turned [depth, rows], the tile [C s, width], and what each warp and lane of a column contributes
// to G. Both arrays have their columns exchanged so that the lanes of a load, and those of a store,
// meet 32 banks. For blocks of more than 8 units without a mask; others multiply and add one by one
// (tile.h).
#ifndef MILLRACE_KERNELS_DEVICE_TENSOR_TILE_H_
#define MILLRACE_KERNELS_DEVICE_TENSOR_TILE_H_

#include <cstdint>

#include "kernels/device/columns.h"
#include "kernels/device/fragments.h"
#include "kernels/device/numbers.h"
#include "kernels/device/team.h"
#include "kernels/device/tile.h"
#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"

namespace millrace::kernels::device {

inline constexpr int kWarpColumns = 32;
inline constexpr int kRights = kWarpColumns / kFragmentColumns;
// Where a number stands in its row, which is a multiple of 32 numbers long.
struct Exchanged {
  MILLRACE_HD int operator()(int row, int column) const {
    return column ^ ((row & 3) * 8 + (row >> 2 & 7));
  }
};

// The Jacobian's columns in shared memory: all, filled up to whole fragments, or the plan's.
MILLRACE_HD int TensorDepth(const BlockPlan& blocks) {
  return (blocks.depth + kFragmentDepth - 1) / kFragmentDepth * kFragmentDepth;
}
MILLRACE_HD int ContributorsOf(const BlockPlan& blocks) {
  return kThreads / kWarp * kWarpColumns / blocks.width * kFragmentColumns;
}

// Numbers of the parts of a tile's memory.
struct TensorSizes {
  std::int64_t columns, jacobian, old, partial;
  MILLRACE_HD std::int64_t all() const { return columns + jacobian + old + partial; }
};
template <typename T>
MILLRACE_HD TensorSizes TensorSizesOf(const BlockPlan& blocks, int components) {
  const std::int64_t pass = blocks.pass_rows();
  const bool whole = blocks.depth == blocks.s;
  const std::int64_t rows = whole ? components * ((blocks.s + pass - 1) / pass * pass) : pass;
  return {blocks.width * kColumnNumbers<T>, TensorDepth(blocks) * rows,
          std::int64_t{components} * blocks.s * blocks.width,
          std::int64_t{ContributorsOf(blocks)} * blocks.width};
}

template <typename T, typename Block>
MILLRACE_HD TileMemory<T> TensorMemoryOf(const Team<T, Block>& team) {
  const TensorSizes sizes = TensorSizesOf<T>(team.plan.blocks, team.plan.shape.components);
  T* const jacobian = team.tile + sizes.columns;
  T* const old = jacobian + sizes.jacobian;
  return {reinterpret_cast<Column<T>*>(team.tile), jacobian, old, old + sizes.old};
}

// A thread's part of a tile.
template <int kLefts>
struct TensorPart {
  SumFragment sum[kLefts][kRights];
  float gradient[kRights][2];
};

// A thread's place in a tile: its first row of a pass and its first column, of its sums.
struct TensorPlace {
  int row, column;
  int contributor;  // among those of its columns
};
template <int kLefts>
MILLRACE_HD TensorPlace TensorPlaceOf(const BlockPlan& blocks, int t) {
  const int beside = blocks.width / kWarpColumns;
  const int warp = t / kWarp, lane = t % kWarp;
  return {warp / beside * kLefts * kFragmentRows + lane / 4,
          warp % beside * kWarpColumns + lane % 4 * 2, warp / beside * kFragmentColumns + lane / 4};
}

// A piece of the Jacobian in shared memory, and the rows of the tile that it meets.
struct TensorPiece {
  const float* jacobian;  // turned, from the pass's first row on
  int stride;
  const float* old;  // of the tile
  int row;           // of the tile, that the piece's first column meets
  int depth;         // columns; from here on there are none
};

// What a lane has of step `step` of a piece.
template <typename Own, typename Block>
MILLRACE_HD Own OperandsAt(const Block& block, const BlockPlan& blocks, const TensorPiece& piece,
                           int t, int step) {
  constexpr int kLefts = Own::kLeftCount;
  const int beside = blocks.width / kWarpColumns;
  const int warp = t / kWarp, g = t % kWarp / 4;
  const int first_row = warp / beside * kLefts * kFragmentRows + g;
  const int first_column = warp % beside * kWarpColumns + g;
  Own own;
  const auto take = [&block](float x, float* first, float* second) {
    *first = block.Tf32(x);
    if constexpr (Own::kPartCount == 2) *second = block.Tf32(x - *first);
  };
  constexpr int kLast = Own::kPartCount - 1;
  for (int half = 0; half < 2; ++half) {
    const int l = step * kFragmentDepth + half * 4 + t % 4;
    const float* const left = piece.jacobian + l * piece.stride;
    for (int m = 0; m < kLefts; ++m) {
      for (int below = 0; below < 2; ++below) {
        const int i = first_row + m * kFragmentRows + below * 8;
        take(left[Exchanged()(l, i)], &own.left[0][m].at[half * 2 + below],
             &own.left[kLast][m].at[half * 2 + below]);
      }
    }
    const int row = piece.row + l;
    const float* const right = piece.old + row * blocks.width;
    for (int n = 0; n < kRights; ++n) {
      const float x =
          l < piece.depth ? right[Exchanged()(row, first_column + n * kFragmentColumns)] : 0.0F;
      take(x, &own.right[0][n].at[half], &own.right[kLast][n].at[half]);
    }
  }
  return own;
}

// Sums become new values of S, and add to the gradient, as in tile.h. from: the pass's first.
template <int kLefts, typename Block>
MILLRACE_HD void FinishTensor(const Team<float, Block>& team, const TileAt& tile,
                              const TileMemory<float>& memory, const UnitAt& from, int t,
                              TensorPart<kLefts>* part) {
  const BlockPlan& blocks = team.plan.blocks;
  const TensorPlace place = TensorPlaceOf<kLefts>(blocks, t);
  const std::int64_t stride = team.plan.shape.cell_parameters;
  for (int n = 0; n < kRights; ++n) {
    for (int side = 0; side < 2; ++side) {
      const int k = place.column + n * kFragmentColumns + side;
      if (k >= tile.count) continue;
      const Column<float> at = memory.columns[k];
      const auto own = [&](int row) {
        return memory.old[row * blocks.width + Exchanged()(row, k)];
      };
      float* const values = team.work.slot.rule + at.parameter;
      float gradient = part->gradient[n][side];
      for (int m = 0; m < kLefts; ++m) {
        for (int below = 0; below < 2; ++below) {
          const int i = from.i + place.row + m * kFragmentRows + below * 8;
          if (i >= blocks.s) continue;
          const UnitAt unit = {tile.first, from.component, i};
          const float next = AddLocal(team, unit, at, own, part->sum[m][n].at[below * 2 + side]);
          values[(std::int64_t{unit.component} * blocks.s + i) * stride] = next;
          gradient = MulAdd(FeedbackAt(team, unit), next, gradient);
        }
      }
      part->gradient[n][side] = gradient;
    }
  }
}

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_TENSOR_TILE_H_
