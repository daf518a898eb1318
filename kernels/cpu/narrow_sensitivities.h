// One step of sensitivities whose blocks hold fewer units than a vector has lanes: every lane is a
// unit's weight and has the Jacobian of its own block.
//
// What belongs to a block is first spread over the lanes of its units. Then the weights go by, some
// rows of them for one vector of units, so that its Jacobian stays in registers or in the first
// cache; S is read once and written once. Orders of sums: kernels/sensitivities.h.
#ifndef MILLRACE_KERNELS_CPU_NARROW_SENSITIVITIES_H_
#define MILLRACE_KERNELS_CPU_NARROW_SENSITIVITIES_H_

#include <cstdint>

#include "kernels/cpu/vectors.h"
#include "kernels/math/platform.h"
#include "kernels/sensitivities.h"

namespace millrace::kernels::cpu {

template <typename Target, typename T>
class NarrowSensitivities {
 public:
  // All entries of M, s at most kWidestBlock, nothing reached but the own unit. scratch
  // [ScratchOf(sweep)], its start a multiple of a vector.
  NarrowSensitivities(const SensitivitySweep<T>& sweep, T* scratch)
      : sweep_(sweep), shape_(sweep.shape) {
    const std::int64_t n = shape_.units, s = shape_.block;
    const auto take = [&](std::int64_t count) {
      T* const taken = scratch;
      scratch += count;
      return taken;
    };
    old_ = take(shape_.components * s * kLanes);
    entries_ = take(shape_.components * s * s * n);
    gains_ = take(sweep_.carry_count * s * n);
    q_ = take((shape_.components - shape_.first_output) * s * n);
    places_ = take(n);
    fan_in_ = take(n == shape_.connected ? 0 : shape_.rows * n);
  }

  void Run() {
    Spread();
    std::int64_t row = 0;
    for (int gate = 0; gate < sweep_.gate_count; ++gate) {
      const std::int64_t end = row + sweep_.gates[gate].count;
      while (row < end) {
        const std::int64_t next = end - row < kRowsInTurn ? end : row + kRowsInTurn;
        for (std::int64_t l = 0; l < shape_.units; l += kLanes) RunRows(gate, {row, next, l});
        row = next;
      }
    }
  }

 private:
  using Lanes = Vectors<Target, T>;
  using Vector = typename Lanes::Vector;
  using LaneMask = typename Lanes::Mask;
  static constexpr int kLanes = Lanes::kLanes;
  static constexpr std::int64_t kRowsInTurn = 16;

  // The weights of a vector of units in some rows.
  struct Part {
    std::int64_t row;
    std::int64_t end;
    std::int64_t first;  // unit
  };

  // to[l] = value(unit i of l's block).
  template <typename Value>
  void SpreadUnit(std::int64_t i, const Value& value, T* to) const {
    const std::int64_t s = shape_.block;
    for (std::int64_t first = 0; first < shape_.units; first += s) {
      const T own = value(first + i);
      for (std::int64_t l = first; l < first + s; ++l) to[l] = own;
    }
  }
  void Spread() {
    const std::int64_t n = shape_.units, s = shape_.block;
    for (std::int64_t i = 0; i < s; ++i) {
      for (int c = 0; c < shape_.components; ++c) {
        for (std::int64_t j = 0; shape_.is_recurrent(c) && j < s; ++j) {
          const T* const from = sweep_.through.dense + (c * s + j) * n;
          SpreadUnit(
              i, [&](std::int64_t u) { return from[u]; }, entries_ + ((c * s + i) * s + j) * n);
        }
      }
      for (int k = 0; k < sweep_.carry_count; ++k) {
        const T* const from = sweep_.carries[k].gain;
        SpreadUnit(
            i, [&](std::int64_t u) { return from[u]; }, gains_ + (k * s + i) * n);
      }
      for (int c = shape_.first_output; sweep_.g != nullptr && c < shape_.components; ++c) {
        const int output = c - shape_.first_output;
        const T* const from = sweep_.q + output * n;
        SpreadUnit(
            i, [&](std::int64_t u) { return from[u]; }, q_ + (output * s + i) * n);
      }
    }
    for (std::int64_t l = 0; l < n; ++l) places_[l] = static_cast<T>(l % s);
    if (n == shape_.connected) return;
    for (std::int64_t row = 0; row < shape_.rows; ++row) {
      for (std::int64_t l = 0; l < n; ++l) {
        fan_in_[row * n + l] = sweep_.fan_in[l / shape_.connected * shape_.rows + row];
      }
    }
  }

  void RunRows(int gate, const Part& part) const {
    const bool alone = shape_.components == 1 && sweep_.carry_count == 0;
    const bool full = shape_.units - part.first >= kLanes && shape_.units == shape_.connected;
    if (!alone || !full || !shape_.is_recurrent(0)) return RunAnyRows(gate, part);
    switch (shape_.block) {
      case 2:
        return RunAloneRows<2>(gate, part);
      case 4:
        return RunAloneRows<4>(gate, part);
      case 8:
        return RunAloneRows<8>(gate, part);
      default:
        return RunAnyRows(gate, part);
    }
  }

  const T* SlopeOf(int c, int gate) const {
    for (int k = 0; k < sweep_.slope_count; ++k) {
      if (sweep_.slopes[k].to == c && sweep_.slopes[k].gate == gate) return sweep_.slopes[k].slope;
    }
    return nullptr;
  }

  // One component without other terms, blocks of kUnits units, all lanes.
  template <int kUnits>
  void RunAloneRows(int gate, const Part& part) const {
    const std::int64_t n = shape_.units, row = shape_.row();
    const T* const slopes = SlopeOf(0, gate);
    const Vector slope = slopes == nullptr ? Vector{} : Lanes::Load(slopes + part.first);
    const Vector place = Lanes::Load(places_ + part.first);
    const bool contracts = sweep_.g != nullptr;
    Vector entries[kUnits][kUnits], q[kUnits];
    Unroll<kUnits>([&](auto i) MILLRACE_INLINE {
      Unroll<kUnits>([&](auto j) MILLRACE_INLINE {
        entries[i][j] = Lanes::Load(entries_ + (i * kUnits + j) * n + part.first);
      });
      q[i] = contracts ? Lanes::Load(q_ + i * n + part.first) : Vector{};
    });
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

  void RunAnyRows(int gate, const Part& part) const {
    const std::int64_t n = shape_.units, left = n - part.first;
    for (std::int64_t r = part.row; r < part.end; ++r) {
      const std::int64_t at = r * n + part.first;
      const Vector f = n == shape_.connected ? Lanes::All(sweep_.fan_in[r])
                                             : Lanes::LoadFirst(fan_in_ + at, left);
      Copy(at, left);
      Vector g{};
      for (int c = 0; c < shape_.components; ++c) {
        const T* const slopes = SlopeOf(c, gate);
        const Vector slope =
            slopes == nullptr ? Vector{} : Lanes::LoadFirst(slopes + part.first, left);
        const Vector place = Lanes::LoadFirst(places_ + part.first, left);
        for (std::int64_t i = 0; i < shape_.block; ++i) {
          Vector sum = Propagated(c, i, part.first, left);
          if (slopes != nullptr) {
            const LaneMask own = (place == Lanes::All(static_cast<T>(i))) & (f != Vector{});
            sum = own ? sum + slope * f : sum;
          }
          Lanes::StoreFirst(sum, left, sweep_.values + (c * shape_.block + i) * shape_.row() + at);
          if (sweep_.g == nullptr || c < shape_.first_output) continue;
          const T* const q = q_ + ((c - shape_.first_output) * shape_.block + i) * n + part.first;
          g = Lanes::MulAdd(Lanes::LoadFirst(q, left), sum, g);
        }
      }
      if (sweep_.g != nullptr) Lanes::StoreFirst(g, left, sweep_.g + at);
    }
  }
  void Copy(std::int64_t at, std::int64_t left) const {
    const std::int64_t states = shape_.components * shape_.block;
    for (std::int64_t state = 0; state < states; ++state) {
      Lanes::Store(Lanes::LoadFirst(sweep_.values + state * shape_.row() + at, left),
                   old_ + state * kLanes);
    }
  }
  // What comes from the old numbers of the lanes from unit `first` on.
  MILLRACE_HD Vector Propagated(int c, std::int64_t i, std::int64_t first,
                                std::int64_t left) const {
    const std::int64_t n = shape_.units, s = shape_.block;
    Vector sum{};
    for (std::int64_t j = 0; shape_.is_recurrent(c) && j < s; ++j) {
      const Vector entry = Lanes::LoadFirst(entries_ + ((c * s + i) * s + j) * n + first, left);
      sum = Lanes::MulAdd(entry, Lanes::Load(old_ + (shape_.fed_back * s + j) * kLanes), sum);
    }
    for (int k = 0; k < sweep_.carry_count; ++k) {
      const CarryTerm<T>& carry = sweep_.carries[k];
      if (carry.to != c) continue;
      const Vector gain = Lanes::LoadFirst(gains_ + (k * s + i) * n + first, left);
      sum = Lanes::MulAdd(gain, Lanes::Load(old_ + (carry.from * s + i) * kLanes), sum);
    }
    return sum;
  }

  const SensitivitySweep<T> sweep_;
  const SensitivityShape shape_;
  T* old_;      // [C, s, lanes]
  T* entries_;  // M of unit i of each lane's block [C, s (i), s (j), n]
  T* gains_;    // [carries, s, n]
  T* q_;        // [C - first_output, s, n]
  T* places_;   // of each unit in its block [n]
  T* fan_in_;   // [K, n], where the cell has several blocks
};

}  // namespace millrace::kernels::cpu

#endif  // MILLRACE_KERNELS_CPU_NARROW_SENSITIVITIES_H_
