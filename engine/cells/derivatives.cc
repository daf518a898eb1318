#include "engine/cells/derivatives.h"

#include <algorithm>

#include "kernels/ops.h"

namespace millrace::engine {
namespace {

// What a cell with a modulator leaves in `extra`: the modulated view r * h', then r, then
// d(r_j h'_j)/da_r[j].
template <typename T>
struct Modulation {
  Modulation(const Structure& structure, const CellStep<T>& step)
      : view(step.extra()), gain(view + structure.n), slope(gain + structure.n) {}
  const T* view;
  const T* gain;
  const T* slope;
};

// out[i] += a[i] b[i].
template <typename T>
void AddProducts(const T* a, const T* b, std::int64_t n, T* out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] += a[i] * b[i];
}

// What becomes of rows of an outer product, x d: g [rows, n] is it, or it is added to g.
template <typename T>
struct Stored {
  void Rows(const T* x, const T* d, std::int64_t rows, std::int64_t n, T* g) const {
    kernels::OuterProduct(x, d, rows, n, g);
  }
  void Row(const T* d, std::int64_t n, T* g) const { std::copy_n(d, n, g); }
  void Part(T x, const T* d, std::int64_t n, T* g) const {
    for (std::int64_t i = 0; i < n; ++i) g[i] = x * d[i];
  }
};
template <typename T>
struct Added {
  void Rows(const T* x, const T* d, std::int64_t rows, std::int64_t n, T* g) const {
    kernels::AddOuterProduct(x, d, rows, n, g);
  }
  void Row(const T* d, std::int64_t n, T* g) const { kernels::AddScaled(d, T{1}, n, g); }
  void Part(T x, const T* d, std::int64_t n, T* g) const { kernels::AddScaled(d, x, n, g); }
};

// Of the recurrent weights of a gate; a row of a block's weights meets another unit in each block.
template <typename T, typename To>
void RecurrentRows(const Structure& structure, const T* fed_back, const T* delta, const To& to,
                   T* g) {
  const std::int64_t n = structure.n;
  if (structure.blocks == 1) return to.Rows(fed_back, delta, n, n, g);
  const std::int64_t c = structure.block_units();
  for (std::int64_t j = 0; j < c; ++j) {
    for (std::int64_t first = 0; first < n; first += c) {
      to.Part(fed_back[first + j], delta + first, c, g + j * n + first);
    }
  }
}

// Of all gates. With one_row the byte's row alone is touched of the input weights.
template <typename T, typename To>
void EachGateRows(const Structure& structure, const CellStep<T>& step, const T* delta, bool one_row,
                  const To& to, T* g) {
  const std::int64_t n = structure.n;
  for (const Gate& gate : structure.gates) {
    const FanIn<T> fan_in = FanInOf(structure, step, gate);
    T* row = g + gate.offset;
    if (gate.recurrent) RecurrentRows(structure, fan_in.fed_back, delta, to, row);
    row += structure.recurrent_rows(gate) * n;
    if (gate.input) {
      if (!one_row) {
        to.Rows(fan_in.input, delta, structure.d, n, row);
      } else if (step.byte != kNoByte) {
        to.Row(delta, n, row + step.byte * n);
      }
      row += structure.d * n;
    }
    if (fan_in.one != nullptr) to.Row(delta, n, row);
    delta += n;
  }
}

}  // namespace

template <typename T>
void BlockProduct(const Structure& structure, const T* weights, const T* x, T* out) {
  if (structure.blocks == 1) {
    kernels::MatVec(weights, x, structure.n, structure.n, out);
    return;
  }
  const std::int64_t c = structure.block_units();
  std::fill_n(out, structure.n, T{0});
  for (std::int64_t j = 0; j < c; ++j) {
    const T* const row = weights + j * structure.n;
    for (std::int64_t first = 0; first < structure.n; first += c) {
      const T value = x[first + j];
      for (std::int64_t i = first; i < first + c; ++i) out[i] += row[i] * value;
    }
  }
}

template <typename T>
void AddTransposedBlockProduct(const Structure& structure, const T* weights, const T* y, T* scratch,
                               T* out) {
  if (structure.blocks == 1) {
    kernels::TransposedMatVec(weights, y, structure.n, structure.n, scratch);
    kernels::AddScaled(scratch, T{1}, structure.n, out);
    return;
  }
  const std::int64_t c = structure.block_units();
  for (std::int64_t j = 0; j < c; ++j) {
    for (std::int64_t first = 0; first < structure.n; first += c) {
      out[first + j] += kernels::Dot(weights + j * structure.n + first, y + first, c);
    }
  }
}

template <typename T>
void GateDeltas(const Structure& structure, const T* theta, const CellStep<T>& step, const T* ds,
                T* scratch, T* delta) {
  const std::int64_t n = structure.n;
  std::fill_n(delta, static_cast<std::int64_t>(structure.gates.size()) * n, T{0});
  for (std::size_t k = 0; k < structure.slope.size(); ++k) {
    AddProducts(step.slope() + static_cast<std::int64_t>(k) * n, ds + structure.slope[k].to * n, n,
                delta + structure.slope[k].from * n);
  }
  for (std::size_t g = 0; g < structure.gates.size(); ++g) {
    const Gate& gate = structure.gates[g];
    if (gate.modulator == kNone) continue;
    T* const through = scratch;
    std::fill_n(through, n, T{0});
    AddTransposedBlockProduct(structure, theta + gate.offset,
                              delta + static_cast<std::int64_t>(g) * n, scratch + n, through);
    AddProducts(Modulation<T>(structure, step).slope, through, n, delta + gate.modulator * n);
  }
}

template <typename T>
FanIn<T> FanInOf(const Structure& structure, const CellStep<T>& step, const Gate& gate) {
  const T* const fan_in = step.fan_in();
  const T* const fed_back = gate.modulator == kNone ? fan_in : step.extra();
  return {gate.recurrent ? fed_back : nullptr,
          gate.input ? fan_in + structure.n + gate.view * structure.d : nullptr,
          gate.bias || gate.own ? fan_in + structure.n + structure.views * structure.d : nullptr};
}

template <typename T>
void GateGradient(const Structure& structure, const CellStep<T>& step, const T* delta, bool sparse,
                  T* g) {
  EachGateRows(structure, step, delta, sparse, Stored<T>(), g);
}

template <typename T>
void AddGateGradient(const Structure& structure, const CellStep<T>& step, const T* delta, T* g) {
  EachGateRows(structure, step, delta, step.one_hot, Added<T>(), g);
}

template <typename T>
void RecurrentJacobian(const Structure& structure, const T* theta, const CellStep<T>& step,
                       int component, T* jacobian) {
  const std::int64_t n = structure.n;
  const std::int64_t c = structure.block_units();
  std::fill_n(jacobian, n * c, T{0});
  for (std::size_t k = 0; k < structure.slope.size(); ++k) {
    if (structure.slope[k].to != component) continue;
    const Gate& gate = structure.gates[static_cast<std::size_t>(structure.slope[k].from)];
    if (!gate.recurrent) continue;
    const T* const slope = step.slope() + static_cast<std::int64_t>(k) * n;
    const T* const weights = theta + gate.offset;
    if (gate.modulator == kNone) {
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < c; ++j) jacobian[i * c + j] += slope[i] * weights[j * n + i];
      }
      continue;
    }
    const Modulation<T> modulation(structure, step);
    const T* const modulator =
        theta + structure.gates[static_cast<std::size_t>(gate.modulator)].offset;
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t first = i / c * c;
      for (std::int64_t j = 0; j < c; ++j) {
        T sum = weights[j * n + i] * modulation.gain[first + j];
        for (std::int64_t l = 0; l < c; ++l) {
          sum += weights[l * n + i] * modulation.slope[first + l] * modulator[j * n + first + l];
        }
        jacobian[i * c + j] += slope[i] * sum;
      }
    }
  }
}

#define MILLRACE_INSTANTIATE(T)                                                               \
  template void BlockProduct(const Structure&, const T*, const T*, T*);                       \
  template void AddTransposedBlockProduct(const Structure&, const T*, const T*, T*, T*);      \
  template void GateDeltas(const Structure&, const T*, const CellStep<T>&, const T*, T*, T*); \
  template FanIn<T> FanInOf(const Structure&, const CellStep<T>&, const Gate&);               \
  template void GateGradient(const Structure&, const CellStep<T>&, const T*, bool, T*);       \
  template void AddGateGradient(const Structure&, const CellStep<T>&, const T*, T*);          \
  template void RecurrentJacobian(const Structure&, const T*, const CellStep<T>&, int, T*)

MILLRACE_INSTANTIATE(float);
MILLRACE_INSTANTIATE(double);

#undef MILLRACE_INSTANTIATE

}  // namespace millrace::engine
