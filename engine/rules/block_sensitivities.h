// The sensitivities of every unit of a block to every parameter of the block's units: full
// real-time recurrent learning (Williams and Zipser 1989), and what masks leave of it.
//   S[c, i, w] <- sum_j M[i, j] R[c, i, j] S[h, j, w] + sum_c' carry[c, c', i] S[c', i, w]
//                 + P[c, i, w]
// with w a parameter of a unit of i's block, h the component that is fed back, R the part of
// dstate/dh' through the recurrent weights, P = dstate/dw at a held state, and M the mask; the
// carry is never masked. G[w] = sum_ci q[c, i] S[c, i, w] over the outputs c. The carry of h joins
// its diagonal entry of R before the sum, whose order kernels/sensitivities.h tells.
//
// Letters: n units, C components, c units of a block of the cell, s units of a block of S, K rows
// of all gates together. State [C, s, K, n]: for each of the s places of a block, the parameters in
// their own order. Columns do not mix, so S is updated in place, some columns at a time. O(C s n K)
// numbers, 2 C s times as many operations a step. Thread-compatible (scratch); nothing is allocated
// after construction.
#ifndef MILLRACE_ENGINE_RULES_BLOCK_SENSITIVITIES_H_
#define MILLRACE_ENGINE_RULES_BLOCK_SENSITIVITIES_H_

#include <cstdint>
#include <vector>

#include "engine/cells/cell.h"
#include "engine/rules/sensitivity_numbers.h"
#include "engine/spec.h"
#include "kernels/sensitivities.h"

namespace millrace::engine {

// The entries that a mask leaves in each unit's row of R: units [n, count], numbered from the first
// unit of the block of S, the row's own among them; null: all of the block. `self`: whether a
// unit's own entry stays too; its carry always does. `band`: as kernels::Through has it.
struct KeptEntries {
  std::int64_t count;
  const std::int32_t* units;
  bool self;
  std::int64_t band;
};

// As the rule says; double has full ones only.
template <typename T>
SensitivityNumbers NumbersOf(const PartSpec& rule) {
  return sizeof(T) == sizeof(float) ? SensitivityNumbersOf(rule) : SensitivityNumbers::kFull;
}

template <typename T>
class BlockSensitivities {
 public:
  // s divides c; s < c leaves out what reaches beyond a block of s, and needs parameters that
  // reach their own unit alone within one step. most_kept: the largest count of KeptEntries, 0
  // where their units are null.
  BlockSensitivities(const Structure& structure, std::int64_t s, std::int64_t most_kept,
                     SensitivityNumbers numbers = SensitivityNumbers::kFull);

  // Numbers of state.
  static std::int64_t SizeOf(const Structure& structure, std::int64_t s);
  std::int64_t size() const { return SizeOf(structure_, s_); }
  std::int64_t block_units() const { return s_; }

  // The local derivatives of a step, before it is taken in: R [C, s, n], entry j of unit u at
  // j n + u.
  void Load(const T* theta, const CellStep<T>& step);
  const T* jacobian() const { return jacobian_.data(); }
  // Takes the step in. `kept` null: all entries.
  void Advance(const CellStep<T>& step, const KeptEntries* kept, T* state);
  // The same, and g [p] from q [o] in the same pass, with the bits of Contract after it; of bf16
  // before what it changed is rounded.
  void AdvanceAndContract(const CellStep<T>& step, const KeptEntries* kept, const T* q, T* state,
                          T* g);
  // g [p] from q [o]; every weight is written.
  void Contract(const T* q, const T* state, T* g) const;
  // Rounds the state to the numbers that are stored.
  void Store(T* state) const;

 private:
  bool Folds(const Pair& carry) const {
    return carry.from == structure_.fed_back && shape_.is_recurrent(carry.to);
  }
  T* Entry(int component, std::int64_t j) {
    return jacobian_.data() + (component * s_ + j) * structure_.n;
  }
  void LoadRecurrent(const T* theta, const CellStep<T>& step);
  void AddPlain(const T* weights, const T* slope, int component);
  void AddModulated(const Gate& gate, const T* theta, const CellStep<T>& step, const Pair& pair);
  void LoadReach(int modulator, const T* theta, const CellStep<T>& step);
  void LoadFanIn(const CellStep<T>& step);
  void LoadTerms(const CellStep<T>& step);
  void Sweep(const CellStep<T>& step, const KeptEntries* kept, const T* q, T* state, T* g);
  // The same from factors rounded to TF32; what they lose of S is carried all the same.
  void SweepRounded(const CellStep<T>& step, const KeptEntries* kept, T* state);
  void AddRestOfCarries(const CellStep<T>& step, T* state) const;
  // Makes of R the M of the kernel: what is kept, with the carry of h.
  kernels::Through<T> Keep(const CellStep<T>& step, const KeptEntries* kept);
  void KeepAll(const T* const* carries, bool self);
  void KeepSome(const T* const* carries, const KeptEntries& kept);

  Structure structure_;
  std::int64_t s_;
  kernels::SensitivityShape shape_;
  std::vector<T> jacobian_;                     // R, then M where all is kept [C, s, n]
  std::vector<T> entries_;                      // M where some is [C, n, most_kept]
  std::vector<T> fan_in_;                       // [n / c, K]
  std::vector<std::vector<T>> reach_;           // of each gate, empty or [C, n, c]
  std::vector<kernels::CarryTerm<T>> carries_;  // but those of h
  std::vector<kernels::SlopeTerm<T>> slopes_;
  std::vector<kernels::GateRows<T>> gates_;
  std::vector<T> scratch_;
  std::vector<T> product_;  // [2, n]
  SensitivityNumbers numbers_;
  std::vector<T> rest_;  // of S [s, K, n] after its rounding, where a carry takes it
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_BLOCK_SENSITIVITIES_H_
