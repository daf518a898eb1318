// One step of sensitivities whose narrow blocks fill vectors evenly, for cells of one component
// (vanilla, CTRNN, GRU) or two (LSTM): what narrow_sensitivities.h does, with the numbers of a
// block in registers and all else where it needs no search. The bits are those of the step.
#ifndef MILLRACE_KERNELS_CPU_EVEN_SENSITIVITIES_H_
#define MILLRACE_KERNELS_CPU_EVEN_SENSITIVITIES_H_

#include <cstdint>
#include <type_traits>

#include "kernels/cpu/narrow_parts.h"
#include "kernels/cpu/vectors.h"
#include "kernels/math/platform.h"
#include "kernels/sensitivities.h"

namespace millrace::kernels::cpu {

template <typename Target, typename T>
class EvenSensitivities {
 public:
  // Whether this is for the sweep: blocks of 2, 4 or 8 units, fewer than a vector has lanes,
  // vectors that are full, units that all have the same fan-in; all entries of M, nothing reached
  // but the own unit.
  static bool Takes(const SensitivitySweep<T>& sweep) {
    const SensitivityShape& shape = sweep.shape;
    if (shape.units % kLanes != 0 || shape.units != shape.connected) return false;
    if (shape.block != 2 && shape.block != 4 && shape.block != 8) return false;
    if (shape.components == 1) return sweep.carry_count == 0 && shape.is_recurrent(0);
    return shape.components == 2 && sweep.carry_count <= kMostCarries;
  }

  explicit EvenSensitivities(const SensitivitySweep<T>& sweep)
      : sweep_(sweep), shape_(sweep.shape) {}

  void Run() const {
    switch (shape_.block) {
      case 2:
        return RunBlocks<2>();
      case 4:
        return RunBlocks<4>();
      default:
        RunBlocks<8>();
    }
  }

 private:
  using Lanes = Vectors<Target, T>;
  using Vector = typename Lanes::Vector;
  static constexpr int kLanes = Lanes::kLanes;
  static constexpr int kMostCarries = 4;
  static constexpr std::integral_constant<int, 0> kFirst{};
  static constexpr std::integral_constant<int, 1> kSecond{};

  template <int kUnits>
  void RunBlocks() const {
    ForNarrowParts(sweep_, kLanes, [&](const NarrowPart& part) {
      if (shape_.components == 1) {
        RunAloneRows<kUnits>(part);
      } else {
        RunPairRows<kUnits>(part);
      }
    });
  }

  // Lane l takes the number of unit i of its block: of whole blocks of kUnits, from the same
  // vector.
  template <int kUnits>
  MILLRACE_HD static Vector OfUnit(Vector x, int i) {
    typename Lanes::Mask from{};
    for (int l = 0; l < kLanes; ++l) from[l] = (l / kUnits * kUnits + i) % kLanes;
    return Lanes::Shuffled(x, from);
  }

  // One component without other terms, whole blocks of kUnits units in a vector, all lanes.
  template <int kUnits>
  void RunAloneRows(const NarrowPart& part) const {
    const std::int64_t n = shape_.units, row = shape_.row();
    const T* const slopes = SlopeOf(sweep_, part.gate, 0);
    const Vector slope = slopes == nullptr ? Vector{} : Lanes::Load(slopes + part.first);
    const bool contracts = sweep_.g != nullptr;
    Vector entries[kUnits][kUnits], q[kUnits];
    Unroll<kUnits>([&](auto j) MILLRACE_INLINE {
      const Vector all = Lanes::Load(sweep_.through.dense + j * n + part.first);
      Unroll<kUnits>([&](auto i) MILLRACE_INLINE { entries[i][j] = OfUnit<kUnits>(all, i); });
    });
    const Vector all = contracts ? Lanes::Load(sweep_.q + part.first) : Vector{};
    Unroll<kUnits>([&](auto i) MILLRACE_INLINE { q[i] = OfUnit<kUnits>(all, i); });
    const Vector place = Lanes::Numbers() - OfUnit<kUnits>(Lanes::Numbers(), 0);
    for (std::int64_t r = part.row; r < part.end; ++r) {
      T* const values = sweep_.values + r * n + part.first;
      const T f = slopes == nullptr ? T(0) : sweep_.fan_in[r];
      const Vector immediate = slope * Lanes::All(f);
      Vector old[kUnits];
      Unroll<kUnits>([&](auto j) MILLRACE_INLINE { old[j] = Lanes::Load(values + j * row); });
      Vector g{};
      Unroll<kUnits>([&](auto i) MILLRACE_INLINE {
        Vector sum{};
        Unroll<kUnits>([&](auto j)
                           MILLRACE_INLINE { sum = Lanes::MulAdd(entries[i][j], old[j], sum); });
        if (f != T(0)) sum = place == Lanes::All(T(i)) ? sum + immediate : sum;
        Lanes::Store(sum, values + i * row);
        g = Lanes::MulAdd(q[i], sum, g);
      });
      if (contracts) Lanes::Store(g, sweep_.g + r * n + part.first);
    }
  }

  // What two components, in whole blocks of kUnits units in a vector, all lanes, do to a row:
  // spread over the lanes of a vector of units.
  template <int kUnits>
  struct Pair {
    Vector entries[2][kUnits][kUnits];  // of c, j, i
    Vector gains[kMostCarries][kUnits];
    Vector q[2][kUnits];
    Vector slopes[2];
    bool sloped[2];
  };
  template <int kUnits>
  MILLRACE_HD void SpreadPair(const NarrowPart& part, Pair<kUnits>* pair) const {
    const std::int64_t n = shape_.units, first = part.first;
    const auto spread = [&](const T* from, Vector* to) MILLRACE_INLINE {
      const Vector all = Lanes::Load(from + first);
      Unroll<kUnits>([&](auto i) MILLRACE_INLINE { to[i] = OfUnit<kUnits>(all, i); });
    };
    for (int c = 0; c < 2; ++c) {
      for (int j = 0; j < kUnits; ++j) {
        spread(sweep_.through.dense + (c * kUnits + j) * n, pair->entries[c][j]);
      }
      if (sweep_.g != nullptr && c >= shape_.first_output) {
        spread(sweep_.q + (c - shape_.first_output) * n, pair->q[c]);
      }
      const T* const slope = SlopeOf(sweep_, part.gate, c);
      pair->sloped[c] = slope != nullptr;
      pair->slopes[c] = slope == nullptr ? Vector{} : Lanes::Load(slope + first);
    }
    for (int k = 0; k < sweep_.carry_count; ++k) spread(sweep_.carries[k].gain, pair->gains[k]);
  }

  // Rows that share what is loaded of a Pair, as many as registers hold.
  template <int kUnits>
  static constexpr int kPairRows = kVectorsOfSums<Target> == 16 && kUnits <= 4 ? 2 : 1;

  template <int kUnits>
  void RunPairRows(const NarrowPart& part) const {
    constexpr int kRows = kPairRows<kUnits>;
    Pair<kUnits> pair;
    SpreadPair(part, &pair);
    std::int64_t r = part.row;
    for (; r + kRows <= part.end; r += kRows) RunPairRow<kUnits, kRows>(pair, r, part.first);
    for (; r < part.end; ++r) RunPairRow<kUnits, 1>(pair, r, part.first);
  }

  // Component c's sums over the old numbers of some rows, those it carries included.
  template <int kUnits, int kRows, typename Component>
  MILLRACE_HD void AddOld(const Pair<kUnits>& pair, Component c,
                          const Vector (&old)[kRows][2][kUnits],
                          Vector (&sums)[kRows][kUnits]) const {
    const auto propagate = [&](auto from) MILLRACE_INLINE {
      Unroll<kUnits>([&](auto j) MILLRACE_INLINE {
        Unroll<kUnits>([&](auto i) MILLRACE_INLINE {
          const Vector entry = pair.entries[c][j][i];
          Unroll<kRows>([&](auto v) MILLRACE_INLINE {
            sums[v][i] = Lanes::MulAdd(entry, old[v][from][j], sums[v][i]);
          });
        });
      });
    };
    const auto carry = [&](const Vector* gains, auto from) MILLRACE_INLINE {
      Unroll<kUnits>([&](auto i) MILLRACE_INLINE {
        const Vector gain = gains[i];
        Unroll<kRows>([&](auto v) MILLRACE_INLINE {
          sums[v][i] = Lanes::MulAdd(gain, old[v][from][i], sums[v][i]);
        });
      });
    };
    if (shape_.is_recurrent(c)) {
      if (shape_.fed_back == 0) {
        propagate(kFirst);
      } else {
        propagate(kSecond);
      }
    }
    for (int k = 0; k < sweep_.carry_count; ++k) {
      if (sweep_.carries[k].to != c) continue;
      if (sweep_.carries[k].from == 0) {
        carry(pair.gains[k], kFirst);
      } else {
        carry(pair.gains[k], kSecond);
      }
    }
  }

  // Rows r, r + 1, ... of kRows.
  template <int kUnits, int kRows>
  MILLRACE_HD void RunPairRow(const Pair<kUnits>& pair, std::int64_t r, std::int64_t first) const {
    const std::int64_t n = shape_.units, row = shape_.row();
    const Vector place = Lanes::Numbers() - OfUnit<kUnits>(Lanes::Numbers(), 0);
    T* const values = sweep_.values + r * n + first;
    Vector old[kRows][2][kUnits], g[kRows] = {};
    Unroll<kRows>([&](auto v) MILLRACE_INLINE {
      Unroll<kUnits>([&](auto j) MILLRACE_INLINE {
        old[v][0][j] = Lanes::Load(values + v * n + j * row);
        old[v][1][j] = Lanes::Load(values + v * n + (kUnits + j) * row);
      });
    });
    Unroll<2>([&](auto c) MILLRACE_INLINE {
      Vector sums[kRows][kUnits] = {};
      AddOld(pair, c, old, sums);
      const bool contracts = sweep_.g != nullptr && c >= shape_.first_output;
      Unroll<kRows>([&](auto v) MILLRACE_INLINE {
        const T f = sweep_.fan_in[r + v];
        const bool own = pair.sloped[c] && f != T(0);
        const Vector immediate = pair.slopes[c] * Lanes::All(f);
        Unroll<kUnits>([&](auto i) MILLRACE_INLINE {
          Vector& sum = sums[v][i];
          if (own) sum = place == Lanes::All(T(i)) ? sum + immediate : sum;
          Lanes::Store(sum, values + v * n + (c * kUnits + i) * row);
          if (contracts) g[v] = Lanes::MulAdd(pair.q[c][i], sum, g[v]);
        });
      });
    });
    if (sweep_.g == nullptr) return;
    Unroll<kRows>([&](auto v)
                      MILLRACE_INLINE { Lanes::Store(g[v], sweep_.g + (r + v) * n + first); });
  }

  const SensitivitySweep<T> sweep_;
  const SensitivityShape shape_;
};

}  // namespace millrace::kernels::cpu

#endif  // MILLRACE_KERNELS_CPU_EVEN_SENSITIVITIES_H_
