// The masks of sparse RTRL: which neighbours they keep, and when they choose again.
#include "tests/reference/rules/masks.h"

#include "gtest/gtest.h"
#include "tests/reference/drawing.h"
#include "tests/reference/rules/list.h"

namespace millrace::reference {
namespace {

// Neighbours that a mask keeps in each row, of 6 vanilla units.
std::vector<std::vector<int>> Neighbours(const Part& rule, const Vector& weights,
                                         const RuleDraws& draws = RuleDraws{}) {
  const auto cell = MakeCell(MakePart("vanilla", {{"units", 6}}), 1);
  const Vector state(6);
  const Vector x(1);
  const Local local = cell->Derive(weights, state, x);
  Mask mask(rule, cell, draws);
  const Matrix kept = mask.Step({weights, state, x, local, {}});
  std::vector<std::vector<int>> rows(6);
  for (int i = 0; i < 6; ++i) {
    for (int l = 0; l < 6; ++l) {
      if (kept(i, l) == 1) rows[i].push_back(l);
    }
  }
  return rows;
}

TEST(ReferenceMasks, KeepTheNeighboursThatTheirNamesSay) {
  Vector weights(6 * (6 + 1 + 1));
  // Into unit 0: from 1 .. 5 in the order of size 3, 1, 5, 2, 4; from itself the largest.
  const double from[] = {9, -0.4, 0.2, 0.5, 0.1, -0.3};
  for (int l = 0; l < 6; ++l) weights[l * 6] = from[l];
  EXPECT_EQ(Neighbours(SparseRule("ring", 3, false), weights)[0], (std::vector<int>{1, 5}));
  EXPECT_EQ(Neighbours(SparseRule("ring", 4, true), weights)[5], (std::vector<int>{0, 1, 3, 4, 5}));
  EXPECT_EQ(Neighbours(SparseRule("oracle", 2, false), weights)[0], (std::vector<int>{1, 3}));
  EXPECT_EQ(Neighbours(SparseRule("anti_oracle", 2, true), weights)[0],
            (std::vector<int>{0, 2, 4}));
  EXPECT_EQ(Neighbours(SparseRule("dynamic", 3, false), weights)[0], (std::vector<int>{1, 3, 5}));
  EXPECT_EQ(Neighbours(SparseRule("block", 2, true), weights)[3], (std::vector<int>{2, 3}));
  // Equal scores: the lower unit.
  EXPECT_EQ(Neighbours(SparseRule("oracle", 2, false), weights)[4], (std::vector<int>{0, 1}));
  RuleDraws draws;
  draws.neighbours.assign(6, {4});
  EXPECT_EQ(Neighbours(SparseRule("random", 1, false), weights, draws)[2], (std::vector<int>{4}));
}

TEST(ReferenceMasks, PickNeighboursOfTheUnitsOwnBlockOfWeights) {
  const auto cell = MakeCell(MakePart("block_gru", {{"units", 6}, {"blocks", 2}}), 1);
  const Vector weights = Sequence().Take(cell->shape().layout.Size());
  const Vector state(6, 0.5);
  const Vector x(1);
  const Local local = cell->Derive(weights, state, x);
  for (const char* name : {"ring", "oracle", "anti_oracle", "dynamic"}) {
    Mask mask(SparseRule(name, 2, false), cell, {});
    const Matrix kept = mask.Step({weights, state, x, local, {}});
    for (int i = 0; i < 6; ++i) {
      for (int l = 0; l < 6; ++l) EXPECT_EQ(kept(i, l), i != l && i / 3 == l / 3) << name;
    }
  }
}

TEST(ReferenceMasks, TheOracleChoosesAgainAfterTwoHundredStepsAndAfterAReset) {
  const auto cell = MakeCell(MakePart("vanilla", {{"units", 3}}), 1);
  Mask mask(SparseRule("oracle", 1, false), cell, {});
  const Vector state(3);
  const Vector x(1);
  const auto neighbour = [&](double from1, double from2) {
    Vector weights(3 * 5);
    weights[3] = from1;
    weights[6] = from2;
    const Local local = cell->Derive(weights, state, x);
    return mask.Step({weights, state, x, local, {}})(0, 1) == 1 ? 1 : 2;
  };
  EXPECT_EQ(neighbour(1, 0), 1);
  for (int step = 2; step <= 200; ++step) EXPECT_EQ(neighbour(0, 1), 1) << "step " << step;
  EXPECT_EQ(neighbour(0, 1), 2);
  EXPECT_EQ(neighbour(1, 0), 2);
  mask.Reset();
  EXPECT_EQ(neighbour(1, 0), 1);
}

// Unit 0 keeps what comes from 1, unit 1 what comes from 2, unit 2 nothing.
TEST(ReferenceMasks, ARowOfTheMaskIsWhatTheUnitKeeps) {
  const auto cell = MakeCell(MakePart("vanilla", {{"units", 3}, {"leak", 0.5}}), 1);
  const int p = cell->shape().layout.Size();
  RuleDraws draws;
  draws.neighbours = {{1}, {2}, {}};
  const auto rule = MakeRule(SparseRule("random", 1, false), cell, draws);
  const Vector weights = Sequence(3).Take(p);
  Vector state(3);
  Matrix sensitivity(3, p);
  Sequence sequence;
  for (int t = 0; t < 4; ++t) {
    const Vector x = sequence.Take(1);
    const Local local = cell->Derive(weights, state, x);
    rule->Advance({weights, state, x, local, {}});
    const Matrix before = sensitivity;
    for (int j = 0; j < p; ++j) {
      for (int k = 0; k < 3; ++k) {
        sensitivity(k, j) = 0.5 * before(k, j) + local.immediate(k, j);
        if (k < 2) sensitivity(k, j) += local.recurrent(k, k + 1) * before(k + 1, j);
      }
    }
    state = local.next;
  }
  for (int k = 0; k < 3; ++k) {
    Vector q(3);
    q[k] = 1;
    const Vector gradient = rule->Gradient(q, {});
    for (int j = 0; j < p; ++j) EXPECT_NEAR(gradient[j], sensitivity(k, j), 1e-15);
  }
}

}  // namespace
}  // namespace millrace::reference
