// The sensitivities of every unit of a block to every parameter of the block's units: full
// real-time recurrent learning (Williams and Zipser 1989), and what masks leave of it.
//   S[c, i, w] <- sum_j M[i, j] R[c, i, j] S[h, j, w] + sum_c' carry[c, c', i] S[c', i, w] + P[c,
//   i, w]
// with w a parameter of a unit of i's block, h the component that is fed back, R the part of
// dstate/dh' through the recurrent weights, P = dstate/dw at a held state, and M the mask; the
// carry is never masked. G[w] = sum_ci q[c, i] S[c, i, w] over the outputs c.
//
// Letters: n units, C components, c units of a block of the cell, s units of a block of S, K rows
// of all gates together. State: block by block [C, s, K s], the column of row r and unit i at r s +
// i, which is the parameters' own order where one block holds all units. Columns do not mix, so S
// is updated in place, some columns at a time. O(C s n K) numbers, 2 C s times as many operations a
// step. Thread-compatible (scratch); nothing is allocated after construction.
#ifndef MILLRACE_ENGINE_RULES_BLOCK_SENSITIVITIES_H_
#define MILLRACE_ENGINE_RULES_BLOCK_SENSITIVITIES_H_

#include <cstdint>
#include <vector>

#include "engine/cells/cell.h"

namespace millrace::engine {

// The entries that a mask leaves in each unit's row of R: units [n, count], rising within a row,
// numbered from the first unit of the block of S.
struct KeptEntries {
  std::int64_t count;
  const std::int32_t* units;
};

template <typename T>
class BlockSensitivities {
 public:
  // s divides c; s < c leaves out what reaches beyond a block of s, and needs parameters that
  // reach their own unit alone within one step.
  BlockSensitivities(const Structure& structure, std::int64_t s);

  // Numbers of state.
  static std::int64_t SizeOf(const Structure& structure, std::int64_t s);
  std::int64_t size() const { return SizeOf(structure_, s_); }
  std::int64_t block_units() const { return s_; }

  // R of a step [C, n, c], before Advance.
  void LoadJacobian(const T* theta, const CellStep<T>& step);
  const T* jacobian() const { return jacobian_.data(); }
  // Takes the step in. `kept` null: all entries.
  void Advance(const T* theta, const CellStep<T>& step, const KeptEntries* kept, T* state);
  // g [p] from q [o]; every weight is written.
  void Contract(const T* q, const T* state, T* g);

 private:
  // One block of S: its first unit, and its numbers.
  struct Block {
    std::int64_t first;
    T* values;
  };

  std::int64_t columns() const { return rows_ * s_; }
  T* Row(const Block& block, int component, std::int64_t unit) const {
    return block.values + (component * s_ + unit) * columns();
  }
  void Propagate(const CellStep<T>& step, const KeptEntries* kept, const Block& block);
  void PropagateTile(const CellStep<T>& step, const KeptEntries* kept, const Block& block,
                     std::int64_t column, std::int64_t width);
  void AddRecurrent(int component, std::int64_t unit, const KeptEntries* kept, std::int64_t width,
                    T* out) const;
  void AddImmediate(const T* theta, const CellStep<T>& step, const Block& block);
  void AddRows(std::size_t gate, const CellStep<T>& step, const Block& block);
  void AddRow(std::size_t gate, const CellStep<T>& step, const Block& block, std::int64_t row,
              T value) const;
  void ContractBlock(const T* q, std::int64_t first, const T* values, T* g) const;
  void LoadReach(std::size_t modulator, const T* theta, const CellStep<T>& step,
                 const Block& block);

  Structure structure_;
  std::int64_t s_;
  std::int64_t rows_;             // K
  std::vector<bool> recurrent_;   // whether R of a component may be other than zero
  std::vector<bool> modulators_;  // by gate
  std::vector<T> jacobian_;       // R [C, n, c]
  std::vector<T> tile_;           // columns of S as they were [C, s, width]
  std::vector<T> reach_;          // of a modulator's unit to the others [C, s, s]
  std::vector<T> column_;         // g of a block [K s]
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_BLOCK_SENSITIVITIES_H_
