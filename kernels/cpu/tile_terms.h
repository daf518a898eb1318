// A tile of sensitivities, and what joins the sums of its rows: the carry, the immediate terms, the
// store of the new numbers and their share of g, all while they are in registers. Orders of sums:
// kernels/sensitivities.h.
#ifndef MILLRACE_KERNELS_CPU_TILE_TERMS_H_
#define MILLRACE_KERNELS_CPU_TILE_TERMS_H_

#include <cstdint>

#include "kernels/cpu/vectors.h"
#include "kernels/math/platform.h"
#include "kernels/sensitivities.h"

namespace millrace::kernels::cpu {

// Some units' weights of one row, all rows of S.
template <typename T>
struct Tile {
  int gate;            // of the row
  std::int64_t first;  // unit of the block of S
  std::int64_t place;  // in it, of the tile's first unit
  std::int64_t count;  // units; only a tile of one vector may be filled in part
  T f;
  T* values;  // S[0, 0, row, the tile's first unit]
  T* g;       // of the same weight, or null
};

// Of component c in a tile of kVectors vectors.
template <typename Target, typename T, int kVectors>
class TileTerms {
 public:
  using Lanes = Vectors<Target, T>;
  using Vector = typename Lanes::Vector;
  static constexpr int kLanes = Lanes::kLanes;

  // old [C, s, tile]: the tile as it was, rows old_row apart.
  TileTerms(const SensitivitySweep<T>& sweep, const Tile<T>& tile, int c, const T* old,
            std::int64_t old_row = kVectors * kLanes)
      : sweep_(sweep),
        tile_(tile),
        row_(sweep.shape.row()),
        old_row_(old_row),
        values_(tile.values + c * sweep.shape.block * row_) {
    const std::int64_t n = sweep.shape.units;
    for (int k = 0; k < sweep.carry_count; ++k) {
      const CarryTerm<T>& carry = sweep.carries[k];
      if (carry.to != c) continue;
      carries_[carry_count_++] = {carry.gain + tile.first,
                                  old + carry.from * sweep.shape.block * old_row};
    }
    if (tile.g != nullptr && c >= sweep.shape.first_output) {
      q_ = sweep.q + (c - sweep.shape.first_output) * n + tile.first;
    }
    if (tile.f == T(0)) return;
    for (int k = 0; k < sweep.slope_count; ++k) {
      const SlopeTerm<T>& slope = sweep.slopes[k];
      if (slope.to == c && slope.gate == tile.gate) slope_ = slope.slope + tile.first;
    }
    const T* const reach = sweep.gates[tile.gate].reach;
    if (reach == nullptr) return;
    reach_ = reach + (c * n + tile.first) * sweep.shape.connected + tile.place;
  }

  // S[c, 0, row, the tile's first unit], and from row to row.
  T* values() const { return values_; }
  std::int64_t row() const { return row_; }

  // What rows i .. i + kCount take of other components, as these were.
  template <int kCount>
  MILLRACE_HD void Carry(std::int64_t i, Vector (&sums)[kCount][kVectors]) const {
    for (int k = 0; k < carry_count_; ++k) AddCarry(carries_[k], i, sums);
  }
  // Of rows i .. i + kCount, after Carry.
  template <int kCount>
  MILLRACE_HD void Finish(std::int64_t i, Vector (&sums)[kCount][kVectors],
                          Vector (&g)[kVectors]) const {
    if (slope_ != nullptr) AddOwn(slope_ + i, i - tile_.place, sums);
    if (reach_ != nullptr) AddReach(i, sums);
    T* const to = values_ + i * row_;
    Unroll<kCount>([&](auto r) MILLRACE_INLINE {
      Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
        T* const at = to + r * row_ + v * kLanes;
        Lanes::template StoreSome<(kVectors > 1)>(sums[r][v], tile_.count, at);
        // The tile that comes next.
        __builtin_prefetch(at + kVectors * kLanes, 1);
      });
    });
    if (q_ == nullptr) return;
    Unroll<kCount>([&](auto r) MILLRACE_INLINE {
      const Vector own = Lanes::All(q_[i + r]);
      Unroll<kVectors>([&](auto v)
                           MILLRACE_INLINE { g[v] = Lanes::MulAdd(own, sums[r][v], g[v]); });
    });
  }

 private:
  // What the component takes of another: gain [s], old numbers [s, tile].
  struct Carried {
    const T* gain;
    const T* old;
  };

  template <int kCount>
  MILLRACE_HD void AddCarry(const Carried& carry, std::int64_t i,
                            Vector (&sums)[kCount][kVectors]) const {
    const T* const old = carry.old + i * old_row_;
    Unroll<kCount>([&](auto r) MILLRACE_INLINE {
      const Vector gain = Lanes::All(carry.gain[i + r]);
      Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
        const Vector before =
            Lanes::template LoadSome<(kVectors > 1)>(old + r * old_row_ + v * kLanes, tile_.count);
        sums[r][v] = Lanes::MulAdd(gain, before, sums[r][v]);
      });
    });
  }
  template <int kCount>
  MILLRACE_HD void AddReach(std::int64_t i, Vector (&sums)[kCount][kVectors]) const {
    const std::int64_t connected = sweep_.shape.connected;
    const T* const from = reach_ + i * connected;
    Unroll<kCount>([&](auto r) MILLRACE_INLINE {
      Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
        const Vector reached = Lanes::template LoadSome<(kVectors > 1)>(
            from + r * connected + v * kLanes, tile_.count);
        sums[r][v] = Lanes::MulAdd(reached, Lanes::All(tile_.f), sums[r][v]);
      });
    });
  }
  // The lane of sums[r] whose weight is the unit's own is lane + r.
  template <int kCount>
  MILLRACE_HD void AddOwn(const T* slope, std::int64_t lane,
                          Vector (&sums)[kCount][kVectors]) const {
    if (lane + kCount <= 0 || lane >= kVectors * kLanes) return;
    Unroll<kCount>([&](auto r) MILLRACE_INLINE {
      Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
        const std::int64_t own = lane + r - v * kLanes;
        if (own >= 0 && own < kLanes) {
          const Vector sum = sums[r][v] + Lanes::All(slope[r] * tile_.f);
          sums[r][v] = Lanes::Numbers() == Lanes::All(static_cast<T>(own)) ? sum : sums[r][v];
        }
      });
    });
  }

  const SensitivitySweep<T>& sweep_;
  const Tile<T> tile_;
  const std::int64_t row_, old_row_;
  T* const values_;
  Carried carries_[kMostComponents];
  int carry_count_ = 0;
  const T* slope_ = nullptr;  // of the block's first unit
  const T* reach_ = nullptr;  // of the block's first unit, the tile's first
  const T* q_ = nullptr;      // of the block's first unit
};

}  // namespace millrace::kernels::cpu

#endif  // MILLRACE_KERNELS_CPU_TILE_TERMS_H_
