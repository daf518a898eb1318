// Masks of sparse RTRL: which units' sensitivities, passed on through the recurrent weights, each
// unit keeps. A mask is [n, n] of 0 and 1 and holds for all components of a pair of units.
//
//   ring         offsets +-1 .. floor(k / 2) around the ring of the block's units
//   random       the units given
//   oracle       a row: the k units with the largest |W|, summed over gates, chosen at steps 1,
//   201,
//                401, ... since the last reset; anti_oracle: the smallest
//   dynamic      a row: the k units with the largest |recurrent derivative|, summed over
//   components,
//                at every step
//   block        the units of the same run of k
//
// Neighbours are of the unit's own block of the cell's recurrent weights (all units where those are
// not block-diagonal): through 0 weights nothing comes.
// Of equal ones the lower unit. The diagonal is another setting, include_self: whether the unit's
// own derivative through the recurrent weights is kept. Thread-compatible.
#ifndef MILLRACE_TESTS_REFERENCE_RULES_MASKS_H_
#define MILLRACE_TESTS_REFERENCE_RULES_MASKS_H_

#include "tests/reference/part.h"
#include "tests/reference/rules/gradient_rule.h"

namespace millrace::reference {

class Mask {
 public:
  Mask(const Part& part, std::shared_ptr<const Cell> cell, const RuleDraws& draws);

  void Reset() { steps_ = 0; }
  // The mask of a step.
  Matrix Step(const Moment& moment);

 private:
  Matrix Ring() const;
  Matrix Given() const;
  Matrix Blocks() const;
  // Of each row the k highest off-diagonal scores [n, n] within the block.
  Matrix Highest(const Matrix& scores) const;
  // sum over gates of |weight from l to k|, [n, n].
  Matrix WeightScores(const Vector& weights) const;
  // sum over components of |dk/dl| through recurrent weights, [n, n].
  Matrix DerivativeScores(const Matrix& recurrent) const;

  Part part_;
  std::shared_ptr<const Cell> cell_;
  std::vector<std::vector<int>> given_;
  int n_, k_;
  int c_;  // units of a block
  int steps_ = 0;
  Matrix chosen_;  // by weights, until chosen again
};

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_RULES_MASKS_H_
