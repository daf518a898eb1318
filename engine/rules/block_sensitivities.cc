#include "engine/rules/block_sensitivities.h"

#include <algorithm>
#include <array>
#include <type_traits>

#include "engine/cells/derivatives.h"
#include "engine/check.h"

namespace millrace::engine {
namespace {

std::size_t Count(std::int64_t count) { return static_cast<std::size_t>(count); }

kernels::SensitivityShape ShapeOf(const Structure& structure, std::int64_t s) {
  kernels::SensitivityShape shape{.units = structure.n,
                                  .block = s,
                                  .connected = structure.block_units(),
                                  .rows = structure.parameters() / structure.n,
                                  .components = structure.components,
                                  .fed_back = structure.fed_back,
                                  .first_output = structure.first_output,
                                  .recurrent = 0};
  for (const Pair& slope : structure.slope) {
    if (structure.gates[Count(slope.from)].recurrent) shape.recurrent |= 1u << slope.to;
  }
  return shape;
}

}  // namespace

template <typename T>
BlockSensitivities<T>::BlockSensitivities(const Structure& structure, std::int64_t s,
                                          std::int64_t most_kept, SensitivityNumbers numbers)
    : structure_(structure),
      s_(s),
      shape_(ShapeOf(structure, s)),
      reach_(structure.gates.size()),
      numbers_(numbers) {
  const std::int64_t n = structure_.n, c = structure_.block_units();
  MILLRACE_CHECK(c % s == 0 && structure.components <= kernels::kMostComponents);
  MILLRACE_CHECK(structure.unit_local() || s == c);
  jacobian_.assign(Count(structure_.components * s * n), T{0});
  entries_.assign(Count(structure_.components * n * most_kept), T{0});
  fan_in_.assign(Count(structure_.blocks * shape_.rows), T{0});
  scratch_.assign(Count(kernels::SensitivityScratch(shape_)), T{0});
  product_.assign(Count(2 * n), T{0});
  const bool carried =
      std::any_of(structure_.carry.begin(), structure_.carry.end(),
                  [this](const Pair& carry) { return carry.from == structure_.fed_back; });
  if (numbers_ == SensitivityNumbers::kTf32 && carried) {
    rest_.assign(Count(s * structure_.parameters()), T{0});
  }
  for (const Pair& carry : structure_.carry) {
    if (!Folds(carry)) carries_.push_back({carry.to, carry.from, nullptr});
  }
  for (const Pair& slope : structure_.slope) slopes_.push_back({slope.to, slope.from, nullptr});
  for (const Gate& gate : structure_.gates) {
    if (gate.modulator == kNone) continue;
    reach_[Count(gate.modulator)].assign(Count(structure_.components * n * c), T{0});
  }
  for (std::size_t g = 0; g < reach_.size(); ++g) {
    const T* const reach = reach_[g].empty() ? nullptr : reach_[g].data();
    gates_.push_back({structure_.rows(structure_.gates[g]), reach});
  }
}

template <typename T>
std::int64_t BlockSensitivities<T>::SizeOf(const Structure& structure, std::int64_t s) {
  return structure.components * s * structure.parameters();
}

template <typename T>
void BlockSensitivities<T>::Load(const T* theta, const CellStep<T>& step) {
  LoadRecurrent(theta, step);
  for (std::size_t g = 0; g < reach_.size(); ++g) {
    if (!reach_[g].empty()) LoadReach(static_cast<int>(g), theta, step);
  }
}

template <typename T>
void BlockSensitivities<T>::LoadRecurrent(const T* theta, const CellStep<T>& step) {
  std::fill(jacobian_.begin(), jacobian_.end(), T{0});
  for (std::size_t k = 0; k < structure_.slope.size(); ++k) {
    const Pair& pair = structure_.slope[k];
    const Gate& gate = structure_.gates[Count(pair.from)];
    if (!gate.recurrent) continue;
    if (gate.modulator == kNone) {
      const T* const slope = step.slope() + static_cast<std::int64_t>(k) * structure_.n;
      AddPlain(theta + gate.offset, slope, pair.to);
    } else {
      AddModulated(gate, theta, step, {pair.to, static_cast<int>(k)});
    }
  }
}

// R[j, u] += slope[u] W[j, u], j counted from the first unit of u's block of s.
template <typename T>
void BlockSensitivities<T>::AddPlain(const T* weights, const T* slope, int component) {
  const std::int64_t n = structure_.n, c = structure_.block_units();
  for (std::int64_t j = 0; j < s_; ++j) {
    T* const to = Entry(component, j);
    for (std::int64_t first = 0; first < n; first += s_) {
      const T* const row = weights + (first % c + j) * n;
      for (std::int64_t u = first; u < first + s_; ++u) to[u] += slope[u] * row[u];
    }
  }
}

// A modulated gate sees r_j h'_j: directly, and through r_l, which sees h'_j too. pair.from is the
// number of the slope.
template <typename T>
void BlockSensitivities<T>::AddModulated(const Gate& gate, const T* theta, const CellStep<T>& step,
                                         const Pair& pair) {
  const std::int64_t n = structure_.n, c = structure_.block_units();
  const T* const slope = step.slope() + pair.from * n;
  const T* const weights = theta + gate.offset;
  const T* const modulator = theta + structure_.gates[Count(gate.modulator)].offset;
  const T* const gain = step.extra() + n;
  const T* const passed = gain + n;
  T* const x = product_.data();
  T* const through = x + n;
  for (std::int64_t j = 0; j < c; ++j) {
    for (std::int64_t l = 0; l < n; ++l) x[l] = passed[l] * modulator[j * n + l];
    BlockProduct(structure_, weights, x, through);
    T* const to = Entry(pair.to, j);
    for (std::int64_t u = 0; u < n; ++u) {
      to[u] += slope[u] * (weights[j * n + u] * gain[u / c * c + j] + through[u]);
    }
  }
}

// reach[c, u, l] = dstate[c, u]/da[l] of the modulator: through what unit l feeds back to unit u.
template <typename T>
void BlockSensitivities<T>::LoadReach(int modulator, const T* theta, const CellStep<T>& step) {
  const std::int64_t n = structure_.n, c = structure_.block_units();
  std::vector<T>& reach = reach_[Count(modulator)];
  std::fill(reach.begin(), reach.end(), T{0});
  // d(r h')/da of the modulator r, which the cell leaves last.
  const T* const passed = step.extra() + 2 * n;
  for (std::size_t k = 0; k < structure_.slope.size(); ++k) {
    const Gate& gate = structure_.gates[Count(structure_.slope[k].from)];
    if (gate.modulator != modulator) continue;
    const T* const slope = step.slope() + static_cast<std::int64_t>(k) * n;
    const T* const weights = theta + gate.offset;
    T* const to = reach.data() + structure_.slope[k].to * n * c;
    for (std::int64_t u = 0; u < n; ++u) {
      for (std::int64_t l = 0; l < c; ++l) {
        to[u * c + l] += slope[u] * weights[l * n + u] * passed[u / c * c + l];
      }
    }
  }
}

template <typename T>
void BlockSensitivities<T>::LoadFanIn(const CellStep<T>& step) {
  const std::int64_t c = structure_.block_units();
  T* to = fan_in_.data();
  for (std::int64_t first = 0; first < structure_.n; first += c) {
    for (const Gate& gate : structure_.gates) {
      const FanIn<T> fan_in = FanInOf(structure_, step, gate);
      if (fan_in.fed_back != nullptr) to = std::copy_n(fan_in.fed_back + first, c, to);
      if (fan_in.input != nullptr) to = std::copy_n(fan_in.input, structure_.d, to);
      if (fan_in.one != nullptr) *to++ = *fan_in.one;
    }
  }
}

template <typename T>
void BlockSensitivities<T>::LoadTerms(const CellStep<T>& step) {
  auto term = carries_.begin();
  for (std::size_t k = 0; k < structure_.carry.size(); ++k) {
    if (Folds(structure_.carry[k])) continue;
    (term++)->gain = step.carry() + static_cast<std::int64_t>(k) * structure_.n;
  }
  for (std::size_t k = 0; k < slopes_.size(); ++k) {
    slopes_[k].slope = step.slope() + static_cast<std::int64_t>(k) * structure_.n;
  }
}

template <typename T>
kernels::Through<T> BlockSensitivities<T>::Keep(const CellStep<T>& step, const KeptEntries* kept) {
  std::array<const T*, kernels::kMostComponents> carries{};
  for (std::size_t k = 0; k < structure_.carry.size(); ++k) {
    if (!Folds(structure_.carry[k])) continue;
    carries[Count(structure_.carry[k].to)] =
        step.carry() + static_cast<std::int64_t>(k) * structure_.n;
  }
  if (kept == nullptr || kept->units == nullptr) {
    KeepAll(carries.data(), kept == nullptr || kept->self);
    return {jacobian_.data(), 0, nullptr, nullptr, 0};
  }
  KeepSome(carries.data(), *kept);
  return {nullptr, kept->count, kept->units, entries_.data(), kept->band};
}

// carries [C]: null where a component has none of h.
template <typename T>
void BlockSensitivities<T>::KeepAll(const T* const* carries, bool self) {
  for (int c = 0; c < structure_.components; ++c) {
    for (std::int64_t u = 0; u < structure_.n; ++u) {
      T& own = Entry(c, u % s_)[u];
      if (!self) own = T{0};
      if (carries[c] != nullptr) own += carries[c][u];
    }
  }
}

template <typename T>
void BlockSensitivities<T>::KeepSome(const T* const* carries, const KeptEntries& kept) {
  T* to = entries_.data();
  for (int c = 0; c < structure_.components; ++c) {
    for (std::int64_t u = 0; u < structure_.n; ++u) {
      for (std::int64_t k = 0; k < kept.count; ++k) {
        const std::int64_t j = kept.units[u * kept.count + k];
        *to = j == u % s_ && !kept.self ? T{0} : Entry(c, j)[u];
        if (j == u % s_ && carries[c] != nullptr) *to += carries[c][u];
        ++to;
      }
    }
  }
}

template <typename T>
void BlockSensitivities<T>::Advance(const CellStep<T>& step, const KeptEntries* kept, T* state) {
  AdvanceAndContract(step, kept, nullptr, state, nullptr);
}

template <typename T>
void BlockSensitivities<T>::AdvanceAndContract(const CellStep<T>& step, const KeptEntries* kept,
                                               const T* q, T* state, T* g) {
  if (numbers_ == SensitivityNumbers::kTf32) {
    SweepRounded(step, kept, state);
    if (g != nullptr) Contract(q, state, g);
    return;
  }
  Sweep(step, kept, q, state, g);
  Store(state);
}

template <typename T>
void BlockSensitivities<T>::Sweep(const CellStep<T>& step, const KeptEntries* kept, const T* q,
                                  T* state, T* g) {
  LoadFanIn(step);
  LoadTerms(step);
  kernels::AdvanceSensitivities<T>({.shape = shape_,
                                    .through = Keep(step, kept),
                                    .carries = carries_.data(),
                                    .carry_count = static_cast<int>(carries_.size()),
                                    .slopes = slopes_.data(),
                                    .slope_count = static_cast<int>(slopes_.size()),
                                    .gates = gates_.data(),
                                    .gate_count = static_cast<int>(gates_.size()),
                                    .fan_in = fan_in_.data(),
                                    .q = q,
                                    .values = state,
                                    .g = g,
                                    .scratch = scratch_.data()});
}

template <typename T>
void BlockSensitivities<T>::SweepRounded(const CellStep<T>& step, const KeptEntries* kept,
                                         T* state) {
  if constexpr (std::is_same_v<T, float>) {
    const std::int64_t count = s_ * structure_.parameters();
    RoundToTf32(static_cast<std::int64_t>(jacobian_.size()), jacobian_.data(), nullptr);
    RoundToTf32(count, state + structure_.fed_back * count, rest_.empty() ? nullptr : rest_.data());
    Sweep(step, kept, nullptr, state, nullptr);
    if (!rest_.empty()) AddRestOfCarries(step, state);
  }
}

template <typename T>
void BlockSensitivities<T>::AddRestOfCarries(const CellStep<T>& step, T* state) const {
  const std::int64_t n = structure_.n, row = structure_.parameters();
  for (std::size_t k = 0; k < structure_.carry.size(); ++k) {
    const Pair& carry = structure_.carry[k];
    if (carry.from != structure_.fed_back) continue;
    const T* const gain = step.carry() + static_cast<std::int64_t>(k) * n;
    for (std::int64_t i = 0; i < s_; ++i) {
      for (std::int64_t w = 0; w < row; w += s_) {
        const T own = gain[w % n + i];
        T* const to = state + (carry.to * s_ + i) * row + w;
        const T* const rest = rest_.data() + i * row + w;
        for (std::int64_t l = 0; l < s_; ++l) to[l] += own * rest[l];
      }
    }
  }
}

template <typename T>
void BlockSensitivities<T>::Store(T* state) const {
  if constexpr (std::is_same_v<T, float>) {
    if (numbers_ == SensitivityNumbers::kBf16) RoundToBf16(size(), state);
  }
}

template <typename T>
void BlockSensitivities<T>::Contract(const T* q, const T* state, T* g) const {
  kernels::ContractSensitivities(shape_, q, state, g);
}

template class BlockSensitivities<float>;
template class BlockSensitivities<double>;

}  // namespace millrace::engine
