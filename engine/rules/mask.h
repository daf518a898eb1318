// Masks of sparse real-time recurrent learning: of every unit's row of the Jacobian through the
// recurrent weights, the entries that stay. They pick other units of the unit's block; the unit's
// own entry stays with `include_self`.
//   ring         offsets +-1 .. +-floor(k / 2) around the block
//   random       k drawn without replacement from the stream's seed, once
//   oracle       the k with the largest sum over gates of |W|, chosen at steps 1, 201, 401, ...
//                since the state was last zero; anti_oracle: the smallest
//   dynamic      the k with the largest sum over components of |dstate/dh'|, at every step
//   block        all others of the same k units
// Of equal ones the lower unit. State of oracle and anti_oracle: steps since the choice modulo 200,
// then the units chosen [n, k]; numbers of units count from the first of their block. Constants of
// random: the units [n, k], counted from the first of all. Thread-compatible; nothing is allocated
// after construction.
#ifndef MILLRACE_ENGINE_RULES_MASK_H_
#define MILLRACE_ENGINE_RULES_MASK_H_

#include <cstdint>
#include <vector>

#include "engine/rules/block_sensitivities.h"
#include "engine/spec.h"

namespace millrace::engine {

enum class MaskKind { kRing, kRandom, kOracle, kAntiOracle, kDynamic, kBlock };

template <typename T>
class Mask {
 public:
  // `part` holds mask, k and include_self, which fit the structure.
  Mask(const PartSpec& part, const Structure& structure, std::uint64_t seed);
  Mask(const Mask&) = delete;
  Mask& operator=(const Mask&) = delete;

  // Units of a block of the sensitivities.
  std::int64_t block_units() const { return s_; }
  std::int64_t StateSize() const { return chosen_by_weight() ? 1 + structure_.n * k_ : 0; }
  std::int64_t ConstantsSize() const { return kind_ == MaskKind::kRandom ? structure_.n * k_ : 0; }
  void FillConstants(T* constants) const;

  // The largest count of what Choose answers, 0 where that is all of the block.
  std::int64_t most_kept() const { return kept_.count; }
  // What stays at this step. jacobian [C, s, n] as BlockSensitivities has it.
  const KeptEntries* Choose(const T* theta, const T* jacobian, T* state);

 private:
  bool chosen_by_weight() const {
    return kind_ == MaskKind::kOracle || kind_ == MaskKind::kAntiOracle;
  }
  void DrawRandom(std::uint64_t seed);
  void FillRing();
  void ChooseByWeight(const T* theta, T* state);
  void ChooseByJacobian(const T* jacobian);
  // The k other units of i's block with the highest scores_.
  void ChooseHighest(std::int64_t unit);
  // Puts others_ [n, k] and the units themselves into kept_: rising, but those of a ring around it.
  void Keep();

  Structure structure_;
  MaskKind kind_;
  std::int64_t s_;
  std::int64_t k_;                    // others a row
  std::vector<std::int32_t> others_;  // [n, k]
  std::vector<std::int32_t> units_;   // of kept_
  KeptEntries kept_;
  std::vector<T> scores_;            // scratch [c]
  std::vector<std::int32_t> order_;  // scratch [c]
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_MASK_H_
