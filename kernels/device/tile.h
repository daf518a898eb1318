// A tile of columns of dense sensitivities: its memory, its loading, and a thread's part of the
// product with the Jacobian. Used by sweep.h, whose shape of a tile this is.
//
// Shared memory: the columns, the Jacobian's part, the tile [C s, width], and what each row of
// threads contributes to G [row threads, width].
#ifndef MILLRACE_KERNELS_DEVICE_TILE_H_
#define MILLRACE_KERNELS_DEVICE_TILE_H_

#include <cstdint>

#include "kernels/device/columns.h"
#include "kernels/device/numbers.h"
#include "kernels/device/team.h"
#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"

namespace millrace::kernels::device {

// Numbers that a Column takes.
template <typename T>
inline constexpr std::int64_t kColumnNumbers =
    std::int64_t{(sizeof(Column<T>) + sizeof(T) - 1) / sizeof(T)};

// Four numbers that are loaded at once.
template <typename T>
struct alignas(4 * sizeof(T)) Four {
  T at[4];
};

// A thread's part of a tile.
template <typename T, int kRows>
struct Part4 {
  T sum[kRows][4];
  T gradient[4];
};

// A thread's place in a tile.
struct Place {
  int row;     // its first, of a pass
  int column;  // its first
};
template <int kRows>
MILLRACE_HD Place PlaceOf(const BlockPlan& blocks, int t) {
  return {t / blocks.column_threads() * kRows, t % blocks.column_threads() * 4};
}

// One tile.
struct TileAt {
  int first;   // unit of its block
  int column;  // its first of the block's
  int count;   // columns, at most the plan's width
};

template <typename T>
struct TileMemory {
  Column<T>* columns;  // [width]
  T* jacobian;
  T* old;      // [C s, width]
  T* partial;  // [row threads, width]
};

template <typename T, typename Block>
MILLRACE_HD TileMemory<T> MemoryOf(const Team<T, Block>& team) {
  const BlockPlan& blocks = team.plan.blocks;
  const std::int64_t s = blocks.s;
  const std::int64_t passes = (s + blocks.pass_rows() - 1) / blocks.pass_rows();
  std::int64_t jacobian = 0;
  if (blocks.kept == kNone) {
    jacobian = blocks.depth == s ? team.plan.shape.components * s * passes * blocks.pass_rows()
                                 : std::int64_t{blocks.depth} * blocks.pass_rows();
  }
  T* const first = team.tile + blocks.width * kColumnNumbers<T>;
  T* const old = first + jacobian;
  return {reinterpret_cast<Column<T>*>(team.tile), first, old,
          old + team.plan.shape.components * s * blocks.width};
}

// Numbers stand in a row in their order.
struct InOrder {
  MILLRACE_HD int operator()(int, int column) const { return column; }
};

// The tile's columns and their old values, 0 beyond the last. The one of column k stands at
// place(row, k) of its row.
template <typename Numbers, typename T, typename Block, typename Order>
MILLRACE_HD void LoadTile(Team<T, Block>& team, const TileAt& at, const TileMemory<T>& memory,
                          const Order& place) {
  const Shape& shape = team.plan.shape;
  const int s = team.plan.blocks.s;
  const int width = team.plan.blocks.width;
  team.For(at.count, [&](std::int64_t k) {
    const int column = at.column + static_cast<int>(k);
    memory.columns[k] = ColumnOf(team, at.first, column / s, column % s);
  });
  team.block.Phase([&](int t) {
    EachPair(t, shape.components * s, width, [&](int row, int k) {
      const auto values = KeptIn<Numbers>(team).From(row * shape.cell_parameters);
      memory.old[row * width + place(row, k)] =
          k < at.count ? values.At(memory.columns[k].parameter) : T(0);
    });
  });
}

// Rows [row, row + count) and columns [from, from + depth) of a component's part of the Jacobian,
// turned: at place(l - from, i - row) of the row l - from of `to`, 0 beyond the last row.
struct Piece {
  int first, component, row, count, from, depth, stride;
};
template <typename T, typename Block, typename Order>
MILLRACE_HD void StageJacobian(const Team<T, Block>& team, int t, const Piece& piece, T* to,
                               const Order& place) {
  const int s = team.plan.blocks.s;
  const T* const jacobian = team.work.slot.jacobian +
                            (std::int64_t{piece.component} * team.plan.shape.n + piece.first) * s;
  EachPair(t, piece.count, piece.depth, [&](int i, int l) {
    const int row = piece.row + i;
    const int from = piece.from + l;
    to[l * piece.stride + place(l, i)] =
        row < s && from < s ? jacobian[std::int64_t{row} * s + from] : T(0);
  });
}

// The Jacobian of a block of units, component by component, `depth` columns of each.
template <typename T, typename Block, typename Order>
MILLRACE_HD void StageWhole(Team<T, Block>& team, int first, T* to, int depth, const Order& place) {
  const BlockPlan& blocks = team.plan.blocks;
  const int stride = (blocks.s + blocks.pass_rows() - 1) / blocks.pass_rows() * blocks.pass_rows();
  team.block.Phase([&](int t) {
    for (int c = 0; c < team.plan.shape.components; ++c) {
      StageJacobian(team, t, {first, c, 0, stride, 0, depth, stride},
                    to + std::int64_t{c} * depth * stride, place);
    }
  });
}

// sum += J S for the thread's rows and columns; jacobian and old begin at its first row and column.
template <typename Numbers, typename T, int kRows, typename Block>
MILLRACE_HD void Multiply(const Team<T, Block>& team, const T* jacobian, int stride, const T* old,
                          int depth, Part4<T, kRows>* part) {
  const int width = team.plan.blocks.width;
  for (int l = 0; l < depth; ++l) {
    Four<T> right = *reinterpret_cast<const Four<T>*>(old + l * width);
    for (int k = 0; k < 4; ++k) right.at[k] = Numbers::Factor(team, right.at[k]);
    for (int r = 0; r < kRows; r += 4) {
      const Four<T> left = *reinterpret_cast<const Four<T>*>(jacobian + l * stride + r);
      for (int i = 0; i < 4; ++i) {
        for (int k = 0; k < 4; ++k) {
          part->sum[r + i][k] = MulAdd(left.at[i], right.at[k], part->sum[r + i][k]);
        }
      }
    }
  }
}

template <typename T, int kRows>
MILLRACE_HD void ClearSums(Part4<T, kRows>* part) {
  for (int r = 0; r < kRows; ++r) {
    for (int k = 0; k < 4; ++k) part->sum[r][k] = T(0);
  }
}

// The thread's sums through the entries that a mask keeps.
template <typename Numbers, typename T, typename Block>
MILLRACE_HD T SumKept(const Team<T, Block>& team, const UnitAt& at, const T* old, int width) {
  const Plan<T>& plan = team.plan;
  const int s = plan.blocks.s;
  const std::int64_t unit = at.first + at.i;
  const std::int32_t* const kept = plan.tables.kept + unit * plan.blocks.kept;
  const T* const jacobian =
      team.work.slot.jacobian + (std::int64_t{at.component} * plan.shape.n + unit) * s;
  const T* const fed_back = old + std::int64_t{plan.shape.fed_back} * s * width;
  T sum = T(0);
  for (int k = 0; k < plan.blocks.kept; ++k) {
    sum = MulAdd(jacobian[kept[k]], Numbers::Factor(team, fed_back[kept[k] * width]), sum);
  }
  return sum;
}

// Sums become new values of S, and add to the gradient. row: the thread's first.
template <typename Numbers, typename T, int kRows, typename Block>
MILLRACE_HD void Finish(const Team<T, Block>& team, const TileAt& tile, const TileMemory<T>& memory,
                        const UnitAt& from, const Place& place, Part4<T, kRows>* part) {
  const int width = team.plan.blocks.width;
  const int s = team.plan.blocks.s;
  const std::int64_t stride = team.plan.shape.cell_parameters;
  const bool masked = team.plan.blocks.kept != kNone && Recurs(team, from.component);
  for (int k = 0; k < 4 && place.column + k < tile.count; ++k) {
    const Column<T> at = memory.columns[place.column + k];
    const T* const own = memory.old + place.column + k;
    const auto values = KeptIn<Numbers>(team).From(at.parameter);
    for (int r = 0; r < kRows && from.i + r < s; ++r) {
      const UnitAt unit = {tile.first, from.component, from.i + r};
      const T sum = masked ? SumKept<Numbers>(team, unit, own, width) : part->sum[r][k];
      const T next = AddLocal(
          team, unit, at, [own, width](int row) { return own[row * width]; }, sum);
      values.Set((std::int64_t{unit.component} * s + unit.i) * stride, next);
      part->gradient[k] = MulAdd(FeedbackAt(team, unit), next, part->gradient[k]);
    }
  }
}

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_TILE_H_
