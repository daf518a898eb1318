// Products of fragments on the host: by the layout of matrix units, and a whole tile of them, in
// one and in three products, against the product in double.

#include "kernels/device/fragments.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/device/tensor_tile.h"
#include "kernels/testing/host_fragments.h"
#include "kernels/testing/host_team.h"
#include "tests/support/numbers.h"

namespace millrace::kernels::device {
namespace {

using testing_support::Numbers;

// Where lane 0 .. 31 of a warp has its numbers, drawn out from the figures of the PTX ISA: of row 0
// of left the columns 0 .. 7 are a0 and a2 of lanes 0 .. 3; of row 8 they are a1 and a3; of column
// 0 of right the rows are b0 and b1 of lanes 0 .. 3; of row 0 of the sum the columns are c0 and c1
// of lanes 0 .. 3. Rows of left and of the sum, and columns of right, go on four lanes further.
TEST(Fragments, AWarpsProductIsThatOfItsMatrices) {
  double left[16][8], right[8][8];
  testing::Lefts lefts;
  testing::Rights rights;
  testing::Sums sums;
  for (int row = 0; row < 16; ++row) {
    for (int k = 0; k < 8; ++k) {
      left[row][k] = row * 8 + k - 60;
      const auto lane = static_cast<std::size_t>(row % 8 * 4 + k % 4);
      lefts[lane].at[k / 4 * 2 + row / 8] = static_cast<float>(left[row][k]);
    }
  }
  for (int k = 0; k < 8; ++k) {
    for (int column = 0; column < 8; ++column) {
      right[k][column] = 3 * k * k - 5 * column + 1;
      const auto lane = static_cast<std::size_t>(column * 4 + k % 4);
      rights[lane].at[k / 4] = static_cast<float>(right[k][column]);
    }
  }
  for (auto& sum : sums) std::fill(std::begin(sum.at), std::end(sum.at), 7.0F);
  testing::MultiplyAdd(lefts, rights, &sums);
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      double product = 7;
      for (int k = 0; k < 8; ++k) product += left[row][k] * right[k][column];
      const auto lane = static_cast<std::size_t>(row % 8 * 4 + column / 2);
      EXPECT_EQ(sums[lane].at[row / 8 * 2 + column % 2], product) << row << ", " << column;
    }
  }
}

TEST(Fragments, SumsAreCutOff) {
  EXPECT_EQ(testing::CutOff(1 + 0x1.8p-24), 1.0F);
  EXPECT_EQ(testing::CutOff(-1 - 0x1.8p-24), -1.0F);
  EXPECT_EQ(testing::CutOff(1 + 0x1p-23), 1 + 0x1p-23F);
}

// J [s, s] by S [s, width] as a pass of a block's threads makes it, J and S in shared memory.
struct Tile {
  Tile(int s, int width, int rows) {
    blocks.s = blocks.depth = s;
    blocks.width = width;
    blocks.rows = rows;
    blocks.tensor = true;
    Numbers numbers(3);
    stride = (s + blocks.pass_rows() - 1) / blocks.pass_rows() * blocks.pass_rows();
    jacobian.resize(static_cast<std::size_t>(TensorDepth(blocks)) * stride);
    old.resize(static_cast<std::size_t>(s) * width);
    for (int l = 0; l < s; ++l) {
      for (int i = 0; i < s; ++i) Left(i, l) = static_cast<float>(numbers.Between(-1, 1));
      for (int k = 0; k < width; ++k) Right(l, k) = static_cast<float>(numbers.Between(-1, 1));
    }
  }
  float& Left(int i, int l) {
    return jacobian[static_cast<std::size_t>(l) * stride + Exchanged()(l, i)];
  }
  float& Right(int l, int k) {
    return old[static_cast<std::size_t>(l * blocks.width + Exchanged()(l, k))];
  }

  // Largest |sum - exact| / sum of |terms| over the tile; each number of it must be made once.
  template <int kLefts, int kParts>
  double Error() {
    using Own = Operands<kLefts, kRights, kParts>;
    testing::HostTeam block(0, testing::HostBlock::Order::kFalling);
    auto held = block.Registers<TensorPart<kLefts>>();
    std::vector<int> made(static_cast<std::size_t>(blocks.s) * blocks.width);
    double worst = 0;
    for (int row = 0; row < blocks.s; row += blocks.pass_rows()) {
      const TensorPiece piece = {jacobian.data() + row, static_cast<int>(stride), old.data(), 0,
                                 blocks.s};
      block.Phase([&](int t) {
        for (auto& of_left : held.Of(t).sum) {
          for (SumFragment& sum : of_left) sum = {};
        }
      });
      block.Multiply<Own>(
          TensorDepth(blocks) / kFragmentDepth,
          [&](int t, int step) { return OperandsAt<Own>(block, blocks, piece, t, step); }, held);
      for (int t = 0; t < kThreads; ++t) {
        const TensorPlace place = TensorPlaceOf<kLefts>(blocks, t);
        for (int m = 0; m < kLefts; ++m) {
          for (int n = 0; n < kRights; ++n) {
            for (int at = 0; at < 4; ++at) {
              const int i = row + place.row + m * 16 + at / 2 * 8;
              const int k = place.column + n * 8 + at % 2;
              if (i >= blocks.s) continue;
              ++made[static_cast<std::size_t>(i * blocks.width + k)];
              worst = std::max(worst, ErrorAt(i, k, held.Of(t).sum[m][n].at[at]));
            }
          }
        }
      }
    }
    EXPECT_EQ(std::count(made.begin(), made.end(), 1), static_cast<std::int64_t>(made.size()));
    return worst;
  }

  // Of one fused multiply-add after the other.
  double ErrorOfFloat32() {
    double worst = 0;
    for (int i = 0; i < blocks.s; ++i) {
      for (int k = 0; k < blocks.width; ++k) {
        float sum = 0;
        for (int l = 0; l < blocks.s; ++l) sum = std::fmaf(Left(i, l), Right(l, k), sum);
        worst = std::max(worst, ErrorAt(i, k, sum));
      }
    }
    return worst;
  }

  double ErrorAt(int i, int k, float got) {
    double exact = 0, size = 0;
    for (int l = 0; l < blocks.s; ++l) {
      const double term = double{Left(i, l)} * Right(l, k);
      exact += term;
      size += std::abs(term);
    }
    return std::abs(got - exact) / size;
  }

  BlockPlan blocks = {};
  std::int64_t stride;
  std::vector<float> jacobian, old;
};

// Relative to the sum of the terms' magnitudes: factors lose 2^-23 each and the product of the low
// parts 2^-22; each of s / 8 additions rounds by 2^-24, and those within the units cut 3 * 2^-23
// off what they have.
double BoundOfThree(int s) { return 0x1p-21 + 3 * 0x1p-23 + s / 8 * 0x1p-24; }

template <int kLefts>
void ExpectErrors(int s, int width) {
  Tile narrow(s, width, 4), tile(s, width, 4 * kLefts);
  const double float32 = tile.ErrorOfFloat32();
  const double three = narrow.Error<1, 2>();
  const double one = tile.Error<kLefts, 1>();
  std::printf("s = %3d: error of a sum of products: float32 %.1e, three of TF32 %.1e, one %.1e\n",
              s, float32, three, one);
  EXPECT_LT(three, BoundOfThree(s));
  EXPECT_LT(three, 1.5 * float32);
  EXPECT_LT(one, 0x1p-10);
  EXPECT_GT(one, 0x1p-16);
}

TEST(Fragments, ATileOfThreeProductsIsAsExactAsFloat32) {
  ExpectErrors<1>(9, 32);
  ExpectErrors<1>(33, 64);
  ExpectErrors<2>(75, 64);
  ExpectErrors<2>(256, 64);
  ExpectErrors<2>(300, 32);
}

}  // namespace
}  // namespace millrace::kernels::device
