// The steps of kernels/sensitivities.h, for every executor: shapes, orders of sums.
#ifndef MILLRACE_KERNELS_STEPS_SENSITIVITIES_H_
#define MILLRACE_KERNELS_STEPS_SENSITIVITIES_H_

#include <cstdint>

#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"
#include "kernels/sensitivities.h"

namespace millrace::kernels::steps {

template <typename T>
struct AdvanceSensitivities {
  SensitivitySweep<T> sweep;

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    std::int64_t row = 0;
    for (int gate = 0; gate < sweep.gate_count; ++gate) {
      for (std::int64_t end = row + sweep.gates[gate].count; row < end; ++row) {
        const std::int64_t r = row;
        const std::int64_t n = sweep.shape.units;
        const std::int64_t states = sweep.shape.components * sweep.shape.block;
        exec.ForPairs(states, n, [&](std::int64_t state, std::int64_t l) {
          sweep.scratch[state * n + l] = sweep.values[state * sweep.shape.row() + r * n + l];
        });
        exec.ForPairs(states, n, [&](std::int64_t state, std::int64_t l) {
          sweep.values[state * sweep.shape.row() + r * n + l] = Advanced(gate, r, state, l);
        });
        if (sweep.g == nullptr) continue;
        exec.For(n, [&](std::int64_t l) { sweep.g[r * n + l] = Contracted(r, l); });
      }
    }
  }

  // From the old numbers of row r, which the sweep.scratch holds as [C, s, n].
  MILLRACE_HD T Advanced(int gate, std::int64_t r, std::int64_t state, std::int64_t l) const {
    const std::int64_t n = sweep.shape.units;
    const int c = static_cast<int>(state / sweep.shape.block);
    const std::int64_t i = state % sweep.shape.block;
    const std::int64_t u = l - l % sweep.shape.block + i;
    const T* const old = sweep.scratch + sweep.shape.fed_back * sweep.shape.block * n + l;
    T sum = T(0);
    if (sweep.shape.is_recurrent(c)) sum = Recurrent(c, u, old);
    for (int k = 0; k < sweep.carry_count; ++k) {
      if (sweep.carries[k].to != c) continue;
      const T before = sweep.scratch[(sweep.carries[k].from * sweep.shape.block + i) * n + l];
      sum = MulAdd(sweep.carries[k].gain[u], before, sum);
    }
    const T f = sweep.fan_in[l / sweep.shape.connected * sweep.shape.rows + r];
    if (f == T(0)) return sum;
    for (int k = 0; k < sweep.slope_count; ++k) {
      if (u == l && sweep.slopes[k].to == c && sweep.slopes[k].gate == gate) {
        const T immediate = sweep.slopes[k].slope[u] * f;
        sum = sum + immediate;
      }
    }
    const T* const reach = sweep.gates[gate].reach;
    if (reach == nullptr) return sum;
    return MulAdd(reach[(c * n + u) * sweep.shape.connected + l % sweep.shape.connected], f, sum);
  }

  MILLRACE_HD T Recurrent(int c, std::int64_t u, const T* old) const {
    const std::int64_t n = sweep.shape.units;
    T sum = T(0);
    if (sweep.through.dense != nullptr) {
      for (std::int64_t j = 0; j < sweep.shape.block; ++j) {
        sum = MulAdd(sweep.through.dense[(c * sweep.shape.block + j) * n + u], old[j * n], sum);
      }
      return sum;
    }
    const std::int32_t* const units = sweep.through.units + u * sweep.through.count;
    const T* const entries = sweep.through.entries + (c * n + u) * sweep.through.count;
    for (std::int64_t k = 0; k < sweep.through.count; ++k) {
      sum = MulAdd(entries[k], old[units[k] * n], sum);
    }
    return sum;
  }

  MILLRACE_HD T Contracted(std::int64_t r, std::int64_t l) const {
    const std::int64_t n = sweep.shape.units;
    const std::int64_t first = l - l % sweep.shape.block;
    T sum = T(0);
    for (int c = sweep.shape.first_output; c < sweep.shape.components; ++c) {
      for (std::int64_t i = 0; i < sweep.shape.block; ++i) {
        const T own = sweep.q[(c - sweep.shape.first_output) * n + first + i];
        sum = MulAdd(own, sweep.values[(c * sweep.shape.block + i) * sweep.shape.row() + r * n + l],
                     sum);
      }
    }
    return sum;
  }
};

// g alone, from S as it stands.
template <typename T>
struct ContractSensitivities {
  SensitivityShape shape;
  const T* q;       // [C - first_output, n]
  const T* values;  // S [C, s, K, n]
  T* g;             // [K, n]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    const std::int64_t s = shape.block;
    const std::int64_t outputs = (shape.components - shape.first_output) * s;
    const T* const first = values + shape.first_output * s * shape.row();
    // Where one block holds all units, the rows of S are one after the other.
    const bool whole = s == shape.units;
    const std::int64_t width = whole ? shape.row() : s;
    for (std::int64_t start = 0; start < shape.row(); start += width) {
      const T* const own = q + (whole ? 0 : start % shape.units);
      exec.SumRising(
          outputs, width, [&](std::int64_t) { return T(0); },
          [&](std::int64_t state, std::int64_t w, T sum) {
            return MulAdd(own[state / s * shape.units + state % s],
                          first[state * shape.row() + start + w], sum);
          },
          g + start);
    }
  }
};

}  // namespace millrace::kernels::steps

#endif  // MILLRACE_KERNELS_STEPS_SENSITIVITIES_H_
