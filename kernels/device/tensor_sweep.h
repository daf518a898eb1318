// The sweep of dense sensitivities on matrix units: tiles of tensor_tile.h, one after the other,
// with one read and one write of S, as sweep.h has it for tiles that are multiplied one by one.
#ifndef MILLRACE_KERNELS_DEVICE_TENSOR_SWEEP_H_
#define MILLRACE_KERNELS_DEVICE_TENSOR_SWEEP_H_

#include <cstdint>

#include "kernels/device/fragments.h"
#include "kernels/device/narrow_sweep.h"
#include "kernels/device/numbers.h"
#include "kernels/device/team.h"
#include "kernels/device/tensor_tile.h"
#include "kernels/math/platform.h"

namespace millrace::kernels::device {

template <int kLefts, typename Held>
MILLRACE_HD void ClearTensorSums(int t, Held& held) {
  for (int m = 0; m < kLefts; ++m) {
    for (int n = 0; n < kRights; ++n) held.Of(t).sum[m][n] = {};
  }
}

// A pass over rows [row, row + pass) of a component: J S into the sums, then what becomes of them.
template <int kLefts, int kParts, typename Block, typename Held>
MILLRACE_HD void PassTensor(Team<float, Block>& team, const TileAt& tile,
                            const TileMemory<float>& memory, const UnitAt& from, Held& held) {
  using Own = Operands<kLefts, kRights, kParts>;
  const BlockPlan& blocks = team.plan.blocks;
  const int pass = blocks.pass_rows(), c = from.component, row = from.i;
  const bool whole = blocks.depth == blocks.s;
  const int stride = whole ? (blocks.s + pass - 1) / pass * pass : pass;
  const int depth = TensorDepth(blocks);
  team.block.Phase([&](int t) { ClearTensorSums<kLefts>(t, held); });
  for (int first = 0; Recurs(team, c) && first < blocks.s; first += depth) {
    if (!whole) {
      const Piece piece = {tile.first, c, row, pass, first, depth, pass};
      team.block.Phase([&](int t) { StageJacobian(team, t, piece, memory.jacobian, Exchanged()); });
    }
    const TensorPiece piece = {
        memory.jacobian + (whole ? std::int64_t{c} * depth * stride + row : 0), stride, memory.old,
        team.plan.shape.fed_back * blocks.s + first, blocks.s - first};
    const int columns = piece.depth < depth ? piece.depth : depth;
    team.block.template Multiply<Own>(
        (columns + kFragmentDepth - 1) / kFragmentDepth,
        [&](int t, int step) { return OperandsAt<Own>(team.block, blocks, piece, t, step); }, held);
  }
  team.block.Phase([&](int t) { FinishTensor<kLefts>(team, tile, memory, from, t, &held.Of(t)); });
}

template <int kLefts, typename Block, typename Held>
MILLRACE_HD void FoldTensorGradient(Team<float, Block>& team, const TileAt& tile,
                                    const TileMemory<float>& memory, Held& held) {
  const BlockPlan& blocks = team.plan.blocks;
  float* const partial = memory.partial;
  team.block.Phase([&](int t) {
    const TensorPlace place = TensorPlaceOf<kLefts>(blocks, t);
    for (int n = 0; n < kRights; ++n) {
      for (int side = 0; side < 2; ++side) {
        partial[place.contributor * blocks.width + place.column + n * kFragmentColumns + side] =
            held.Of(t).gradient[n][side];
      }
    }
  });
  team.For(tile.count, [&](std::int64_t k) {
    float sum = 0;
    for (int c = 0; c < ContributorsOf(blocks); ++c) sum += partial[c * blocks.width + k];
    team.work.slot.gradient[memory.columns[k].parameter] = sum;
  });
}

// The share of a sweep, by kParts parts of each factor.
template <int kLefts, int kParts, typename Block>
MILLRACE_HD_CALL void SweepTensor(Team<float, Block>& team, const Share& share, bool learns) {
  const BlockPlan& blocks = team.plan.blocks;
  const int columns = team.plan.shape.rows * blocks.s;
  const int tiles = (columns + blocks.width - 1) / blocks.width;
  const TileMemory<float> memory = TensorMemoryOf(team);
  auto held = team.block.template Registers<TensorPart<kLefts>>();
  int staged = kNone;
  for (int number = share.first; number < tiles * (team.plan.shape.n / blocks.s);
       number += share.stride) {
    const int first = number / tiles * blocks.s;
    const int column = number % tiles * blocks.width;
    const TileAt tile = {first, column,
                         columns - column < blocks.width ? columns - column : blocks.width};
    if (blocks.depth == blocks.s && staged != first) {
      StageWhole(team, first, memory.jacobian, TensorDepth(blocks), Exchanged());
      staged = first;
    }
    LoadTile<FullNumbers<float>>(team, tile, memory, Exchanged());
    team.block.Phase([&](int t) {
      for (int n = 0; n < kRights; ++n) held.Of(t).gradient[n][0] = held.Of(t).gradient[n][1] = 0;
    });
    for (int c = 0; c < team.plan.shape.components; ++c) {
      for (int row = 0; row < blocks.s; row += blocks.pass_rows()) {
        PassTensor<kLefts, kParts>(team, tile, memory, {first, c, row}, held);
      }
    }
    if (learns) FoldTensorGradient<kLefts>(team, tile, memory, held);
  }
}

template <typename Block>
MILLRACE_HD void SweepOnTensorUnits(Team<float, Block>& team, const Share& share, bool learns) {
  // Three products of 32 rows a warp take more registers than a row's other phases leave it.
  if (team.plan.blocks.sensitivities == Sensitivities::kTf32x3) {
    SweepTensor<1, 2>(team, share, learns);
  } else if (team.plan.blocks.rows == 8) {
    SweepTensor<2, 1>(team, share, learns);
  } else {
    SweepTensor<1, 1>(team, share, learns);
  }
}

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_TENSOR_SWEEP_H_
