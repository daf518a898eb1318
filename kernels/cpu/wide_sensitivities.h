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

#include <cstdint>

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

  // Some units' weights of a row: the place of the first in its block, and how many. Only a tile of
  // one vector may be filled in part.
  struct Tile {
    std::int64_t place;
    std::int64_t count;
    T f;
    T* values;  // S[0, 0, row, first of them]
    T* g;
  };
  // What joins the sums of a component's rows in a tile; null where nothing does.
  struct Terms {
    T* values;  // S[c, 0, row, first of the tile]
    std::int64_t row;
    std::int64_t place;
    std::int64_t count;
    T f;
    const T* slope;  // of the block's first unit
    const T* reach;  // of the block's first unit, first of the tile
    const T* q;      // of the block's first unit
    bool carried;
  };

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
    const bool alone = shape_.components == 1 && sweep_.carry_count == 0;
    if (alone && sweep_.through.band == 1) return RunTiles<kBandVectors, Band<1>>(f, 0);
    if (alone && sweep_.through.band == 2) return RunTiles<kBandVectors, Band<2>>(f, 0);
    RunTiles<kKeptVectors, Kept>(f, 0);
  }
  // From `place` on; what fills fewer vectors goes on in narrower tiles.
  template <int kVectors, typename Rows>
  void RunTiles(T f, std::int64_t place) {
    constexpr std::int64_t kWidth = kVectors * kLanes;
    const std::int64_t s = shape_.block;
    for (; kVectors == 1 ? place < s : place + kWidth <= s; place += kWidth) {
      const std::int64_t at = row_ * shape_.units + first_ + place;
      RunTile<kVectors, Rows>({place, s - place < kWidth ? s - place : kWidth, f,
                               sweep_.values + at, sweep_.g == nullptr ? nullptr : sweep_.g + at});
    }
    if constexpr (kVectors > 1) {
      if (place < s) RunTiles<kVectors / 2, Rows>(f, place);
    }
  }

  template <int kVectors, typename Rows>
  void RunTile(const Tile& tile) {
    if constexpr (Rows::kCopies) CopyOld<kVectors>(tile);
    Vector g[kVectors] = {};
    for (int c = 0; c < shape_.components; ++c) {
      Rows::template Run<kVectors>(*this, c, TermsOf(tile, c), g);
    }
    if (tile.g == nullptr) return;
    Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
      StoreSome<kVectors>(g[v], tile.count, tile.g + v * kLanes);
    });
  }

  Terms TermsOf(const Tile& tile, int c) const {
    const std::int64_t n = shape_.units;
    Terms terms{tile.values + c * shape_.block * shape_.row(),
                shape_.row(),
                tile.place,
                tile.count,
                tile.f,
                nullptr,
                nullptr,
                nullptr,
                false};
    if (tile.f != T(0)) {
      for (int k = 0; k < sweep_.slope_count; ++k) {
        const SlopeTerm<T>& slope = sweep_.slopes[k];
        if (slope.to == c && slope.gate == gate_) terms.slope = slope.slope + first_;
      }
      const T* const reach = sweep_.gates[gate_].reach;
      if (reach != nullptr) terms.reach = reach + (c * n + first_) * shape_.connected + tile.place;
    }
    if (tile.g != nullptr && c >= shape_.first_output) {
      terms.q = sweep_.q + (c - shape_.first_output) * n + first_;
    }
    for (int k = 0; k < sweep_.carry_count; ++k) terms.carried |= sweep_.carries[k].to == c;
    return terms;
  }

  // Of a tile of more than one vector, all lanes.
  template <int kVectors>
  MILLRACE_HD static Vector LoadSome(const T* from, std::int64_t count) {
    if constexpr (kVectors > 1) return Lanes::Load(from);
    return Lanes::LoadFirst(from, count);
  }
  template <int kVectors>
  MILLRACE_HD static void StoreSome(Vector x, std::int64_t count, T* to) {
    if constexpr (kVectors > 1) return Lanes::Store(x, to);
    Lanes::StoreFirst(x, count, to);
  }

  template <int kVectors>
  MILLRACE_HD void CopyOld(const Tile& tile) {
    const std::int64_t states = shape_.components * shape_.block;
    const std::int64_t row = shape_.row();
    const T* from = tile.values;
    T* to = old_;
    for (std::int64_t state = 0; state < states; ++state) {
      Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
        Lanes::Store(LoadSome<kVectors>(from + v * kLanes, tile.count), to + v * kLanes);
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
    static constexpr bool kCopies = true;
    template <int kVectors>
    MILLRACE_HD static void Run(const WideSensitivities& self, int c, const Terms& terms,
                                Vector (&g)[kVectors]) {
      self.DenseRows<kRows>(c, 0, terms, g);
    }
  };
  template <int kCount, int kVectors>
  MILLRACE_HD void DenseRows(int c, std::int64_t i, const Terms& terms,
                             Vector (&g)[kVectors]) const {
    const std::int64_t s = shape_.block;
    for (; i + kCount <= s; i += kCount) {
      Vector sums[kCount][kVectors] = {};
      if (shape_.is_recurrent(c)) {
        AddProducts(panels_ + (c * s + i) * s, Old<kVectors>(shape_.fed_back * s), s, sums);
      }
      Finish(c, i, terms, sums, g);
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
    static constexpr bool kCopies = true;
    template <int kVectors>
    MILLRACE_HD static void Run(const WideSensitivities& self, int c, const Terms& terms,
                                Vector (&g)[kVectors]) {
      self.KeptRows(c, terms, g);
    }
  };
  template <int kVectors>
  MILLRACE_HD void KeptRows(int c, const Terms& terms, Vector (&g)[kVectors]) const {
    const std::int64_t count = sweep_.through.count;
    const std::int64_t s = shape_.block;
    const bool recurrent = shape_.is_recurrent(c);
    const T* const old = Old<kVectors>(shape_.fed_back * s);
    const std::int32_t* units = sweep_.through.units + first_ * count;
    const T* entries = sweep_.through.entries + (c * shape_.units + first_) * count;
    for (std::int64_t i = 0; i < s; ++i) {
      Vector sums[1][kVectors] = {};
      for (std::int64_t k = 0; k < (recurrent ? count : 0); ++k) {
        const Vector entry = Lanes::All(entries[k]);
        const T* const from = old + std::int64_t{units[k]} * (kVectors * kLanes);
        Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
          sums[0][v] = Lanes::MulAdd(entry, Lanes::Load(from + v * kLanes), sums[0][v]);
        });
      }
      units += count;
      entries += count;
      Finish(c, i, terms, sums, g);
    }
  }

  // The entries of a ring, of the units up to kReach before and after: their old numbers move
  // through registers, and nothing is copied but what the last rows meet again.
  template <int kReach>
  struct Band {
    static constexpr bool kCopies = false;
    template <int kVectors>
    MILLRACE_HD static void Run(const WideSensitivities& self, int c, const Terms& terms,
                                Vector (&g)[kVectors]) {
      self.BandRows<kReach>(c, terms, g);
    }
  };
  template <int kReach, int kVectors>
  MILLRACE_HD void BandRows(int c, const Terms& terms, Vector (&g)[kVectors]) const {
    constexpr int kWindow = 2 * kReach + 1;
    const std::int64_t s = shape_.block;
    const T* entries = sweep_.through.entries + (c * shape_.units + first_) * kWindow;
    T* const again = old_;
    // Row t holds the old numbers of unit i - kReach + t.
    Vector window[kWindow][kVectors];
    Unroll<kWindow>([&](auto t) MILLRACE_INLINE {
      const std::int64_t unit = t < kReach ? s - kReach + t : t - kReach;
      Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
        const T* const from = terms.values + unit * terms.row + v * kLanes;
        window[t][v] = LoadSome<kVectors>(from, terms.count);
        if (t >= kReach) Lanes::Store(window[t][v], again + (unit * kVectors + v) * kLanes);
      });
    });
    for (std::int64_t i = 0; i < s; ++i) {
      Vector sums[1][kVectors] = {};
      Unroll<kWindow>([&](auto t) MILLRACE_INLINE {
        const Vector entry = Lanes::All(entries[t]);
        Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
          sums[0][v] = Lanes::MulAdd(entry, window[t][v], sums[0][v]);
        });
      });
      entries += kWindow;
      const std::int64_t next = i + kReach + 1;
      const bool met = next >= s;
      const T* const from =
          met ? again + (next - s) * kVectors * kLanes : terms.values + next * terms.row;
      const std::int64_t count = met ? kLanes : terms.count;
      Unroll<kWindow - 1>([&](auto t) MILLRACE_INLINE {
        Unroll<kVectors>([&](auto v) MILLRACE_INLINE { window[t][v] = window[t + 1][v]; });
      });
      Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
        window[kWindow - 1][v] = LoadSome<kVectors>(from + v * kLanes, count);
      });
      Finish(c, i, terms, sums, g);
    }
  }

  // The other terms of rows i .. i + kCount, the new numbers, their share of g.
  template <int kCount, int kVectors>
  MILLRACE_HD void Finish(int c, std::int64_t i, const Terms& terms,
                          Vector (&sums)[kCount][kVectors], Vector (&g)[kVectors]) const {
    if (terms.carried) AddCarries(c, i, sums);
    if (terms.slope != nullptr) AddOwn(terms.slope + i, terms.f, i - terms.place, sums);
    if (terms.reach != nullptr) AddReach(terms, i, sums);
    T* const to = terms.values + i * terms.row;
    Unroll<kCount>([&](auto r) MILLRACE_INLINE {
      Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
        T* const at = to + r * terms.row + v * kLanes;
        StoreSome<kVectors>(sums[r][v], terms.count, at);
        // The tile that comes next.
        __builtin_prefetch(at + kVectors * kLanes, 1);
      });
    });
    if (terms.q == nullptr) return;
    Unroll<kCount>([&](auto r) MILLRACE_INLINE {
      const Vector own = Lanes::All(terms.q[i + r]);
      Unroll<kVectors>([&](auto v)
                           MILLRACE_INLINE { g[v] = Lanes::MulAdd(own, sums[r][v], g[v]); });
    });
  }

  template <int kCount, int kVectors>
  MILLRACE_HD void AddCarries(int c, std::int64_t i, Vector (&sums)[kCount][kVectors]) const {
    for (int k = 0; k < sweep_.carry_count; ++k) {
      if (sweep_.carries[k].to == c) AddCarry(sweep_.carries[k], i, sums);
    }
  }
  template <int kCount, int kVectors>
  MILLRACE_HD void AddCarry(const CarryTerm<T>& carry, std::int64_t i,
                            Vector (&sums)[kCount][kVectors]) const {
    const T* const old = Old<kVectors>(carry.from * shape_.block + i);
    Unroll<kCount>([&](auto r) MILLRACE_INLINE {
      const Vector gain = Lanes::All(carry.gain[first_ + i + r]);
      Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
        sums[r][v] =
            Lanes::MulAdd(gain, Lanes::Load(old + (r * kVectors + v) * kLanes), sums[r][v]);
      });
    });
  }

  template <int kCount, int kVectors>
  MILLRACE_HD void AddReach(const Terms& terms, std::int64_t i,
                            Vector (&sums)[kCount][kVectors]) const {
    const T* const from = terms.reach + i * shape_.connected;
    Unroll<kCount>([&](auto r) MILLRACE_INLINE {
      Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
        const Vector reached =
            LoadSome<kVectors>(from + r * shape_.connected + v * kLanes, terms.count);
        sums[r][v] = Lanes::MulAdd(reached, Lanes::All(terms.f), sums[r][v]);
      });
    });
  }
  // The lane of sums[r] whose weight is the unit's own is lane + r.
  template <int kCount, int kVectors>
  MILLRACE_HD static void AddOwn(const T* slope, T f, std::int64_t lane,
                                 Vector (&sums)[kCount][kVectors]) {
    if (lane + kCount <= 0 || lane >= kVectors * kLanes) return;
    Unroll<kCount>([&](auto r) MILLRACE_INLINE {
      Unroll<kVectors>([&](auto v) MILLRACE_INLINE {
        const std::int64_t own = lane + r - v * kLanes;
        if (own >= 0 && own < kLanes) {
          const Vector sum = sums[r][v] + Lanes::All(slope[r] * f);
          sums[r][v] = Lanes::Numbers() == Lanes::All(static_cast<T>(own)) ? sum : sums[r][v];
        }
      });
    });
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
