// One step of sensitivities whose blocks hold at least as many units as a vector has lanes: all
// lanes of a vector then share the Jacobian.
//
// A tile is some units' weights of one row, all rows of S. Its old numbers are copied to scratch
// that stays in the nearest caches; products of a few rows of M with it gather in registers, where
// the other terms join them; the new numbers are stored, and their share of g is added, before they
// leave the registers. S is read once and written once. Orders of sums:
// kernels/sensitivities.h.
#ifndef MILLRACE_KERNELS_CPU_WIDE_SENSITIVITIES_H_
#define MILLRACE_KERNELS_CPU_WIDE_SENSITIVITIES_H_

#include <array>
#include <cstdint>
#include <utility>

#include "kernels/cpu/tile_terms.h"
#include "kernels/cpu/vectors.h"
#include "kernels/math/platform.h"
#include "kernels/sensitivities.h"

namespace millrace::kernels::cpu {

// Vectors of a tile, at most.
inline constexpr int kMostTileVectors = 4;

template <typename Target, typename T>
class WideSensitivities {
 public:
  // scratch [C s s + C s (a tile's units)], its start a multiple of a vector.
  WideSensitivities(const SensitivitySweep<T>& sweep, T* scratch)
      : sweep_(sweep),
        shape_(sweep.shape),
        panels_(scratch),
        old_(scratch + shape_.components * shape_.block * shape_.block) {}

  void Run() {
    for (first_ = 0; first_ < shape_.units; first_ += shape_.block) {
      if (sweep_.through.dense != nullptr) PackPanels();
      row_ = 0;
      for (gate_ = 0; gate_ < sweep_.gate_count; ++gate_) {
        const std::int64_t end = row_ + sweep_.gates[gate_].count;
        for (; row_ < end; ++row_) RunRow();
      }
    }
  }

 private:
  using Lanes = Vectors<Target, T>;
  using Vector = typename Lanes::Vector;
  static constexpr int kLanes = Lanes::kLanes;
  // A tile's vectors and the rows whose sums are gathered together.
  static constexpr int kDenseVectors = 2;
  static constexpr int kRows = kVectorsOfSums<Target> / kDenseVectors;
  static constexpr int kKeptVectors = kMostTileVectors;
  static constexpr int kBandVectors = kVectorsOfSums<Target> == 16 ? 4 : 2;

  // M as the rows of sums take it: for every few units all entries of one j together.
  void PackPanels() {
    for (int c = 0; c < shape_.components; ++c) {
      if (shape_.is_recurrent(c)) PackRows<kRows>(c, 0);
    }
  }
  template <int kCount>
  void PackRows(int c, std::int64_t i) {
    const std::int64_t s = shape_.block;
    for (; i + kCount <= s; i += kCount) {
      T* to = panels_ + (c * s + i) * s;
      for (std::int64_t j = 0; j < s; ++j) {
        const T* const from = sweep_.through.dense + (c * s + j) * shape_.units + first_ + i;
        for (int k = 0; k < kCount; ++k) *to++ = from[k];
      }
    }
    if constexpr (kCount > 1) PackRows<kCount / 2>(c, i);
  }

  void RunRow() {
    const T f = sweep_.fan_in[first_ / shape_.connected * shape_.rows + row_];
    if (sweep_.through.dense != nullptr) return RunTiles<kDenseVectors, Dense>(f, 0);
    // Rows of all components together: g is summed as it is to be where it has one component's.
    const bool ring = shape_.components <= 2 && shape_.components - shape_.first_output == 1;
    if (ring && sweep_.through.band == 1) return RunTiles<kBandVectors, Band<1>>(f, 0);
    if (ring && sweep_.through.band == 2) return RunTiles<kBandVectors, Band<2>>(f, 0);
    RunTiles<kKeptVectors, Kept>(f, 0);
  }
  // From `place` on; what fills fewer vectors goes on in narrower tiles.
  template <int kVectors, typename Rows>
  void RunTiles(T f, std::int64_t place) {
    constexpr std::int64_t kWidth = kVectors * kLanes;
    const std::int64_t s = shape_.block;
    for (; kVectors == 1 ? place < s : place + kWidth <= s; place += kWidth) {
      const std::int64_t at = row_ * shape_.units + first_ + place;
      RunTile<kVectors, Rows>({gate_, first_, place, s - place < kWidth ? s - place : kWidth, f,
                               sweep_.values + at, sweep_.g == nullptr ? nullptr : sweep_.g + at});
    }
    if constexpr (kVectors > 1) {
      if (place < s) RunTiles<kVectors / 2, Rows>(f, place);
    }
  }

  template <int kVectors, typename Rows>
  void RunTile(const Tile<T>& tile) {
    Vector g[kVectors] = {};
    Rows::template Run<kVectors>(*this, tile, g);
    if (tile.g == nullptr) return;
    Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
      Lanes::template StoreSome<(kVectors > 1)>(g[v], tile.count, tile.g + v * kLanes);
    });
  }

  template <int kVectors>
  MILLRACE_HD void CopyOld(const Tile<T>& tile) const {
    const std::int64_t states = shape_.components * shape_.block;
    const std::int64_t row = shape_.row();
    const T* from = tile.values;
    T* to = old_;
    for (std::int64_t state = 0; state < states; ++state) {
      Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
        const Vector old = Lanes::template LoadSome<(kVectors > 1)>(from + v * kLanes, tile.count);
        Lanes::Store(old, to + v * kLanes);
      });
      from += row;
      to += kVectors * kLanes;
    }
  }

  // Old numbers of state `state` of [C, s] in the tile.
  template <int kVectors>
  const T* Old(std::int64_t state) const {
    return old_ + state * kVectors * kLanes;
  }

  // All entries of M.
  struct Dense {
    template <int kVectors>
    MILLRACE_HD static void Run(const WideSensitivities& self, const Tile<T>& tile,
                                Vector (&g)[kVectors]) {
      self.template CopyOld<kVectors>(tile);
      for (int c = 0; c < self.shape_.components; ++c) {
        self.DenseRows<kRows>(c, 0, TileTerms<Target, T, kVectors>(self.sweep_, tile, c, self.old_),
                              g);
      }
    }
  };
  template <int kCount, int kVectors>
  MILLRACE_HD void DenseRows(int c, std::int64_t i, const TileTerms<Target, T, kVectors>& terms,
                             Vector (&g)[kVectors]) const {
    const std::int64_t s = shape_.block;
    for (; i + kCount <= s; i += kCount) {
      Vector sums[kCount][kVectors] = {};
      if (shape_.is_recurrent(c)) {
        AddProducts(panels_ + (c * s + i) * s, Old<kVectors>(shape_.fed_back * s), s, sums);
      }
      terms.Carry(i, sums);
      terms.Finish(i, sums, g);
    }
    if constexpr (kCount > 1) {
      if (i < s) DenseRows<kCount / 2>(c, i, terms, g);
    }
  }
  // sums[r] += sum_j panel[j, r] old[j].
  template <int kCount, int kVectors>
  MILLRACE_HD static void AddProducts(const T* panel, const T* old, std::int64_t s,
                                      Vector (&sums)[kCount][kVectors]) {
    for (std::int64_t j = 0; j < s; ++j) {
      Vector row[kVectors];
      Unroll<kVectors>([&](auto v) MILLRACE_INLINE { row[v] = Lanes::Load(old + v * kLanes); });
      Unroll<kCount>([&](auto r) MILLRACE_INLINE {
        const Vector entry = Lanes::All(panel[r]);
        Unroll<kVectors>(
            [&](auto v) MILLRACE_INLINE { sums[r][v] = Lanes::MulAdd(entry, row[v], sums[r][v]); });
      });
      old += kVectors * kLanes;
      panel += kCount;
    }
  }

  // Some entries of M.
  struct Kept {
    template <int kVectors>
    MILLRACE_HD static void Run(const WideSensitivities& self, const Tile<T>& tile,
                                Vector (&g)[kVectors]) {
      self.template CopyOld<kVectors>(tile);
      for (int c = 0; c < self.shape_.components; ++c) {
        self.KeptRows(c, TileTerms<Target, T, kVectors>(self.sweep_, tile, c, self.old_), g);
      }
    }
  };
  template <int kVectors>
  MILLRACE_HD void KeptRows(int c, const TileTerms<Target, T, kVectors>& terms,
                            Vector (&g)[kVectors]) const {
    const std::int64_t count = shape_.is_recurrent(c) ? sweep_.through.count : 0;
    const std::int64_t s = shape_.block;
    const T* const old = Old<kVectors>(shape_.fed_back * s);
    const std::int32_t* units = sweep_.through.units + first_ * count;
    const T* entries = sweep_.through.entries + (c * shape_.units + first_) * count;
    for (std::int64_t i = 0; i < s; ++i) {
      Vector sums[1][kVectors] = {};
      for (std::int64_t k = 0; k < count; ++k) {
        const Vector entry = Lanes::All(*entries++);
        const T* const from = old + std::int64_t{*units++} * (kVectors * kLanes);
        Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
          sums[0][v] = Lanes::MulAdd(entry, Lanes::Load(from + v * kLanes), sums[0][v]);
        });
      }
      terms.Carry(i, sums);
      terms.Finish(i, sums, g);
    }
  }

  // The entries of a ring, of cells of one component or two: those of the units up to kReach before
  // and after, whose old numbers move through registers; none are copied but those of the first
  // rows, which the last ones meet again. What a carry takes is read where it stands, before any
  // component of the unit is stored.
  template <int kReach>
  struct Band {
    template <int kVectors>
    MILLRACE_HD static void Run(const WideSensitivities& self, const Tile<T>& tile,
                                Vector (&g)[kVectors]) {
      if (self.shape_.components == 2) return self.BandRows<kReach, 2, true>(tile, g);
      if (self.sweep_.carry_count > 0) return self.BandRows<kReach, 1, true>(tile, g);
      self.BandRows<kReach, 1, false>(tile, g);
    }
  };
  template <int kReach, int kComponents, bool kCarries, int kVectors>
  MILLRACE_HD void BandRows(const Tile<T>& tile, Vector (&g)[kVectors]) const {
    using Terms = TileTerms<Target, T, kVectors>;
    constexpr int kWindow = 2 * kReach + 1;
    const std::int64_t s = shape_.block, row = shape_.row(), width = kVectors * kLanes;
    const T* const values = tile.values + shape_.fed_back * s * row;
    T* const old = old_ + shape_.fed_back * s * width;
    const auto terms = [&]<int... c>(std::integer_sequence<int, c...>) {
      return std::array<Terms, kComponents>{Terms(sweep_, tile, c, tile.values, row)...};
    }
    (std::make_integer_sequence<int, kComponents>());
    const T* const entries = sweep_.through.entries + first_ * kWindow;
    // Row t holds the old numbers of unit i - kReach + t.
    Vector window[kWindow][kVectors];
    Unroll<kWindow>([&](auto t) MILLRACE_INLINE {
      const std::int64_t unit = t < kReach ? s - kReach + t : t - kReach;
      LoadRow<kVectors>(values + unit * row, tile.count, window[t]);
      if (t >= kReach) StoreRow<kVectors>(window[t], old + unit * width);
    });
    for (std::int64_t i = 0; i < s; ++i) {
      Vector sums[kComponents][1][kVectors] = {};
      Unroll<kComponents>([&](auto c) MILLRACE_INLINE {
        if (!shape_.is_recurrent(c)) return;
        AddBand<kWindow, kVectors>(entries + (c * shape_.units + i) * kWindow, window, sums[c]);
      });
      if constexpr (kCarries) {
        Unroll<kComponents>([&](auto c) MILLRACE_INLINE { terms[c].Carry(i, sums[c]); });
      }
      // Before the stores: row i + kReach + 1 is another, but the compiler does not know.
      Shift<kReach, kVectors>(tile, i, values, old, window);
      Unroll<kComponents>([&](auto c) MILLRACE_INLINE { terms[c].Finish(i, sums[c], g); });
    }
  }
  template <int kWindow, int kVectors>
  MILLRACE_HD static void AddBand(const T* entries, const Vector (&window)[kWindow][kVectors],
                                  Vector (&sums)[1][kVectors]) {
    Unroll<kWindow>([&](auto t) MILLRACE_INLINE {
      const Vector entry = Lanes::All(entries[t]);
      Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
        sums[0][v] = Lanes::MulAdd(entry, window[t][v], sums[0][v]);
      });
    });
  }
  // From unit i's window to that of i + 1.
  template <int kReach, int kVectors>
  MILLRACE_HD void Shift(const Tile<T>& tile, std::int64_t i, const T* values, const T* old,
                         Vector (&window)[2 * kReach + 1][kVectors]) const {
    Unroll<2 * kReach>([&](auto t) MILLRACE_INLINE {
      Unroll<kVectors>([&](auto v) MILLRACE_INLINE { window[t][v] = window[t + 1][v]; });
    });
    const std::int64_t next = i + kReach + 1, s = shape_.block;
    if (next < s) {
      LoadRow<kVectors>(values + next * shape_.row(), tile.count, window[2 * kReach]);
    } else {
      LoadRow<kVectors>(old + (next - s) * kVectors * kLanes, kLanes, window[2 * kReach]);
    }
  }
  template <int kVectors>
  MILLRACE_HD static void LoadRow(const T* from, std::int64_t count, Vector (&row)[kVectors]) {
    Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
      row[v] = Lanes::template LoadSome<(kVectors > 1)>(from + v * kLanes, count);
    });
  }
  template <int kVectors>
  MILLRACE_HD static void StoreRow(const Vector (&row)[kVectors], T* to) {
    Unroll<kVectors>([&](auto v) MILLRACE_INLINE { Lanes::Store(row[v], to + v * kLanes); });
  }

  const SensitivitySweep<T> sweep_;
  const SensitivityShape shape_;
  T* const panels_;  // [C, s, s]
  T* const old_;     // [C, s, tile]
  std::int64_t first_ = 0;
  std::int64_t row_ = 0;
  int gate_ = 0;
};

}  // namespace millrace::kernels::cpu

#endif  // MILLRACE_KERNELS_CPU_WIDE_SENSITIVITIES_H_
