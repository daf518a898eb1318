// One step of sensitivities whose blocks hold fewer units than a vector has lanes: every lane is a
// unit's weight and has the Jacobian of its own block.
//
// What belongs to a block is spread over the lanes of its units. Then the weights go by, some rows
// of them for one vector of units, so that its Jacobian stays in registers or in the first cache; S
// is read once and written once. Orders of sums: kernels/sensitivities.h.
#ifndef MILLRACE_KERNELS_CPU_NARROW_SENSITIVITIES_H_
#define MILLRACE_KERNELS_CPU_NARROW_SENSITIVITIES_H_

#include <cstdint>

#include "kernels/cpu/narrow_parts.h"
#include "kernels/cpu/vectors.h"
#include "kernels/math/platform.h"
#include "kernels/sensitivities.h"

namespace millrace::kernels::cpu {

template <typename Target, typename T>
class NarrowSensitivities {
 public:
  // All entries of M, nothing reached but the own unit. scratch [as SensitivityScratch says], its
  // start a multiple of a vector.
  NarrowSensitivities(const SensitivitySweep<T>& sweep, T* scratch)
      : sweep_(sweep), shape_(sweep.shape), padded_((shape_.units + kLanes - 1) / kLanes * kLanes) {
    const std::int64_t s = shape_.block;
    const auto take = [&](std::int64_t rows) {
      T* const taken = scratch;
      scratch += rows * padded_;
      return taken;
    };
    entries_ = take(shape_.components * s * s);
    gains_ = take(sweep_.carry_count * s);
    q_ = take((shape_.components - shape_.first_output) * s);
    places_ = take(1);
    fan_in_ = take(shape_.units == shape_.connected ? 0 : shape_.rows);
    old_ = scratch;
  }

  void Run() {
    Spread();
    ForNarrowParts(sweep_, kLanes, [&](const NarrowPart& part) { RunRows(part); });
  }

 private:
  using Lanes = Vectors<Target, T>;
  using Vector = typename Lanes::Vector;
  using LaneMask = typename Lanes::Mask;
  static constexpr int kLanes = Lanes::kLanes;

  void RunRows(const NarrowPart& part) const {
    if (shape_.units - part.first < kLanes) return RunAnyRows<false, 0>(part);
    switch (shape_.block) {
      case 2:
        return RunAnyRows<true, 2>(part);
      case 4:
        return RunAnyRows<true, 4>(part);
      case 8:
        return RunAnyRows<true, 8>(part);
      default:
        RunAnyRows<true, 0>(part);
    }
  }

  // to[l] = from[unit i of l's block].
  void SpreadUnit(std::int64_t i, const T* from, T* to) const {
    const std::int64_t s = shape_.block;
    for (std::int64_t first = 0; first < shape_.units; first += s) {
      for (std::int64_t l = first; l < first + s; ++l) to[l] = from[first + i];
    }
    for (std::int64_t l = shape_.units; l < padded_; ++l) to[l] = T(0);
  }
  void Spread() {
    const std::int64_t n = shape_.units, s = shape_.block;
    for (std::int64_t i = 0; i < s; ++i) {
      for (std::int64_t state = 0; state < shape_.components * s; ++state) {
        const std::int64_t c = state / s, j = state % s;
        SpreadUnit(i, sweep_.through.dense + state * n, entries_ + ((c * s + i) * s + j) * padded_);
      }
      for (int k = 0; k < sweep_.carry_count; ++k) {
        SpreadUnit(i, sweep_.carries[k].gain, gains_ + (k * s + i) * padded_);
      }
      for (int c = 0; sweep_.g != nullptr && c < shape_.components - shape_.first_output; ++c) {
        SpreadUnit(i, sweep_.q + c * n, q_ + (c * s + i) * padded_);
      }
    }
    for (std::int64_t l = 0; l < padded_; ++l) places_[l] = static_cast<T>(l % s);
    for (std::int64_t r = 0; n != shape_.connected && r < shape_.rows; ++r) {
      for (std::int64_t l = 0; l < n; ++l) {
        fan_in_[r * padded_ + l] = sweep_.fan_in[l / shape_.connected * shape_.rows + r];
      }
    }
  }

  // Whatever there is. kFull: all lanes. kUnits: s, or 0 for any.
  template <bool kFull, int kUnits>
  void RunAnyRows(const NarrowPart& part) const {
    const std::int64_t n = shape_.units, left = n - part.first;
    Vector slopes[kMostComponents];
    bool sloped[kMostComponents];
    for (int c = 0; c < shape_.components; ++c) {
      const T* const slope = SlopeOf(sweep_, part.gate, c);
      sloped[c] = slope != nullptr;
      slopes[c] = sloped[c] ? Lanes::template LoadSome<kFull>(slope + part.first, left) : Vector{};
    }
    for (std::int64_t r = part.row; r < part.end; ++r) {
      const std::int64_t at = r * n + part.first;
      const Vector f = n == shape_.connected ? Lanes::All(sweep_.fan_in[r])
                                             : Lanes::Load(fan_in_ + r * padded_ + part.first);
      CopyOld<kFull>(at, left);
      Vector g{};
      for (int c = 0; c < shape_.components; ++c) {
        const Vector immediate = slopes[c] * f;
        const LaneMask seen = sloped[c] ? f != Vector{} : LaneMask{};
        const Row row{at, part.first, left, immediate, seen};
        if constexpr (kUnits > 0) {
          RunComponentOf<kUnits>(c, row, &g);
        } else {
          RunComponent<kFull>(c, row, &g);
        }
      }
      if (sweep_.g != nullptr) Lanes::template StoreSome<kFull>(g, left, sweep_.g + at);
    }
  }

  struct Row {
    std::int64_t at;     // of the first weight in a row of S
    std::int64_t first;  // unit
    std::int64_t left;   // units from there on
    Vector immediate;    // of each lane's own unit
    LaneMask seen;       // where there is one
  };
  template <bool kFull>
  MILLRACE_HD void RunComponent(int c, const Row& row, Vector* g) const {
    const std::int64_t s = shape_.block;
    const bool contracts = sweep_.g != nullptr && c >= shape_.first_output;
    const Vector place = Lanes::Load(places_ + row.first);
    T* to = sweep_.values + c * s * shape_.row() + row.at;
    const T* q = q_ + (c - shape_.first_output) * s * padded_ + row.first;
    for (std::int64_t i = 0; i < s; ++i) {
      Vector sum = Propagated(c, i, row.first);
      const LaneMask own = (place == Lanes::All(static_cast<T>(i))) & row.seen;
      sum = own ? sum + row.immediate : sum;
      Lanes::template StoreSome<kFull>(sum, row.left, to);
      to += shape_.row();
      if (!contracts) continue;
      *g = Lanes::MulAdd(Lanes::Load(q), sum, *g);
      q += padded_;
    }
  }
  // The same for blocks of kUnits units, all sums together.
  template <int kUnits>
  MILLRACE_HD void RunComponentOf(int c, const Row& row, Vector* g) const {
    Vector sums[kUnits] = {};
    if (shape_.is_recurrent(c)) {
      const T* const entries = entries_ + c * kUnits * kUnits * padded_ + row.first;
      Unroll<kUnits>([&](auto j) MILLRACE_INLINE {
        const Vector old = Lanes::Load(old_ + (shape_.fed_back * kUnits + j) * kLanes);
        Unroll<kUnits>([&](auto i) MILLRACE_INLINE {
          const Vector entry = Lanes::Load(entries + (i * kUnits + j) * padded_);
          sums[i] = Lanes::MulAdd(entry, old, sums[i]);
        });
      });
    }
    for (int k = 0; k < sweep_.carry_count; ++k) {
      const CarryTerm<T>& carry = sweep_.carries[k];
      if (carry.to != c) continue;
      const T* const gains = gains_ + k * kUnits * padded_ + row.first;
      const T* const old = old_ + carry.from * kUnits * kLanes;
      Unroll<kUnits>([&](auto i) MILLRACE_INLINE {
        sums[i] =
            Lanes::MulAdd(Lanes::Load(gains + i * padded_), Lanes::Load(old + i * kLanes), sums[i]);
      });
    }
    const Vector place = Lanes::Load(places_ + row.first);
    T* const to = sweep_.values + c * kUnits * shape_.row() + row.at;
    Unroll<kUnits>([&](auto i) MILLRACE_INLINE {
      const LaneMask own = (place == Lanes::All(T(i))) & row.seen;
      sums[i] = own ? sums[i] + row.immediate : sums[i];
      Lanes::Store(sums[i], to + i * shape_.row());
    });
    if (sweep_.g == nullptr || c < shape_.first_output) return;
    const T* const q = q_ + (c - shape_.first_output) * kUnits * padded_ + row.first;
    Unroll<kUnits>([&](auto i) MILLRACE_INLINE {
      *g = Lanes::MulAdd(Lanes::Load(q + i * padded_), sums[i], *g);
    });
  }
  // What comes from the old numbers of the lanes from unit `first` on.
  MILLRACE_HD Vector Propagated(int c, std::int64_t i, std::int64_t first) const {
    const std::int64_t s = shape_.block;
    Vector sum{};
    if (shape_.is_recurrent(c)) {
      const T* entry = entries_ + (c * s + i) * s * padded_ + first;
      const T* old = old_ + shape_.fed_back * s * kLanes;
      for (std::int64_t j = 0; j < s; ++j) {
        sum = Lanes::MulAdd(Lanes::Load(entry), Lanes::Load(old), sum);
        entry += padded_;
        old += kLanes;
      }
    }
    for (int k = 0; k < sweep_.carry_count; ++k) {
      const CarryTerm<T>& carry = sweep_.carries[k];
      if (carry.to != c) continue;
      const Vector gain = Lanes::Load(gains_ + (k * s + i) * padded_ + first);
      sum = Lanes::MulAdd(gain, Lanes::Load(old_ + (carry.from * s + i) * kLanes), sum);
    }
    return sum;
  }

  template <bool kFull>
  MILLRACE_HD void CopyOld(std::int64_t at, std::int64_t left) const {
    const std::int64_t states = shape_.components * shape_.block;
    const T* from = sweep_.values + at;
    for (std::int64_t state = 0; state < states; ++state) {
      Lanes::Store(Lanes::template LoadSome<kFull>(from, left), old_ + state * kLanes);
      from += shape_.row();
    }
  }
  const SensitivitySweep<T> sweep_;
  const SensitivityShape shape_;
  const std::int64_t padded_;  // n, up to whole vectors: the rows below
  T* entries_;                 // M of unit i of each lane's block [C, s (i), s (j), n]
  T* gains_;                   // [carries, s, n]
  T* q_;                       // [C - first_output, s, n]
  T* places_;                  // of each unit in its block [n]
  T* fan_in_;                  // [K, n], where the cell has several blocks
  T* old_;                     // [C, s, lanes]
};

}  // namespace millrace::kernels::cpu

#endif  // MILLRACE_KERNELS_CPU_NARROW_SENSITIVITIES_H_
