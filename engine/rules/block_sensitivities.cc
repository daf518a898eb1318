#include "engine/rules/block_sensitivities.h"

#include <algorithm>

#include "engine/cells/derivatives.h"
#include "engine/check.h"
#include "kernels/ops.h"

namespace millrace::engine {
namespace {

// Columns of S that are updated together, so that their old values stay in a near cache; with a
// mask, in which little is done with each, more of them. No sum depends on it.
constexpr std::int64_t kWidestTile = 256;
constexpr std::int64_t kTileNumbers = 4096;
constexpr std::int64_t kNarrowestTile = 32;
// Columns of S that are contracted together.
constexpr std::int64_t kStripWidth = 4096;

std::size_t Count(std::int64_t count) { return static_cast<std::size_t>(count); }

}  // namespace

template <typename T>
BlockSensitivities<T>::BlockSensitivities(const Structure& structure, std::int64_t s)
    : structure_(structure),
      s_(s),
      rows_(structure.parameters() / structure.n),
      recurrent_(Count(structure.components), false),
      modulators_(structure.gates.size(), false) {
  MILLRACE_CHECK(structure.block_units() % s == 0);
  MILLRACE_CHECK(structure.unit_local() || s == structure.block_units());
  for (const Pair& slope : structure_.slope) {
    if (structure_.gates[Count(slope.from)].recurrent) recurrent_[Count(slope.to)] = true;
  }
  for (const Gate& gate : structure_.gates) {
    if (gate.modulator != kNone) modulators_[Count(gate.modulator)] = true;
  }
  const std::int64_t states = structure_.components * s_;
  jacobian_.assign(Count(structure_.components * structure_.n * structure_.block_units()), T{0});
  tile_.assign(Count(states * kWidestTile), T{0});
  if (!structure_.unit_local()) reach_.assign(Count(states * s_), T{0});
  if (s_ != structure_.n) column_.assign(Count(columns()), T{0});
}

template <typename T>
std::int64_t BlockSensitivities<T>::SizeOf(const Structure& structure, std::int64_t s) {
  return structure.components * s * structure.parameters();
}

template <typename T>
void BlockSensitivities<T>::LoadJacobian(const T* theta, const CellStep<T>& step) {
  const std::int64_t size = structure_.n * structure_.block_units();
  for (int c = 0; c < structure_.components; ++c) {
    if (!recurrent_[Count(c)]) continue;
    RecurrentJacobian(structure_, theta, step, c, jacobian_.data() + c * size);
  }
}

template <typename T>
void BlockSensitivities<T>::Advance(const T* theta, const CellStep<T>& step,
                                    const KeptEntries* kept, T* state) {
  Block block{0, state};
  for (; block.first < structure_.n; block.first += s_) {
    Propagate(step, kept, block);
    AddImmediate(theta, step, block);
    block.values += structure_.components * s_ * columns();
  }
}

template <typename T>
void BlockSensitivities<T>::Propagate(const CellStep<T>& step, const KeptEntries* kept,
                                      const Block& block) {
  const std::int64_t width =
      kept != nullptr ? kWidestTile : std::clamp(kTileNumbers / s_, kNarrowestTile, kWidestTile);
  for (std::int64_t column = 0; column < columns(); column += width) {
    PropagateTile(step, kept, block, column, std::min(width, columns() - column));
  }
}

template <typename T>
void BlockSensitivities<T>::PropagateTile(const CellStep<T>& step, const KeptEntries* kept,
                                          const Block& block, std::int64_t column,
                                          std::int64_t width) {
  for (int c = 0; c < structure_.components; ++c) {
    for (std::int64_t i = 0; i < s_; ++i) {
      std::copy_n(Row(block, c, i) + column, width, tile_.data() + (c * s_ + i) * width);
    }
  }
  for (int c = 0; c < structure_.components; ++c) {
    for (std::int64_t i = 0; i < s_; ++i) {
      AddRecurrent(c, block.first + i, kept, width, Row(block, c, i) + column);
    }
  }
  for (std::size_t k = 0; k < structure_.carry.size(); ++k) {
    const Pair& pair = structure_.carry[k];
    const T* const carry = step.carry() + static_cast<std::int64_t>(k) * structure_.n + block.first;
    for (std::int64_t i = 0; i < s_; ++i) {
      kernels::AddScaled(tile_.data() + (pair.from * s_ + i) * width, carry[i], width,
                         Row(block, pair.to, i) + column);
    }
  }
}

// out [width] = the masked row of R times the fed-back component's part of the tile.
template <typename T>
void BlockSensitivities<T>::AddRecurrent(int component, std::int64_t unit, const KeptEntries* kept,
                                         std::int64_t width, T* out) const {
  if (!recurrent_[Count(component)]) {
    std::fill_n(out, width, T{0});
    return;
  }
  const std::int64_t c = structure_.block_units();
  const T* const row =
      jacobian_.data() + (component * structure_.n + unit) * c + (unit % c) / s_ * s_;
  const T* const tile = tile_.data() + structure_.fed_back * s_ * width;
  if (kept == nullptr) {
    kernels::MatVec(tile, row, s_, width, out);
    return;
  }
  std::fill_n(out, width, T{0});
  const std::int32_t* const units = kept->units + unit * kept->count;
  for (std::int64_t k = 0; k < kept->count; ++k) {
    kernels::AddScaled(tile + units[k] * width, row[units[k]], width, out);
  }
}

template <typename T>
void BlockSensitivities<T>::AddImmediate(const T* theta, const CellStep<T>& step,
                                         const Block& block) {
  for (std::size_t g = 0; g < structure_.gates.size(); ++g) {
    if (modulators_[g]) LoadReach(g, theta, step, block);
    AddRows(g, step, block);
  }
}

template <typename T>
void BlockSensitivities<T>::AddRows(std::size_t gate, const CellStep<T>& step, const Block& block) {
  const Gate& of = structure_.gates[gate];
  const FanIn<T> fan_in = FanInOf(structure_, step, of);
  std::int64_t row = of.offset / structure_.n;
  const auto segment = [&](const T* x, std::int64_t count) {
    if (x == nullptr) return;
    for (std::int64_t j = 0; j < count; ++j) AddRow(gate, step, block, row++, x[j]);
  };
  const std::int64_t c = structure_.block_units();
  segment(of.recurrent ? fan_in.fed_back + block.first / c * c : nullptr, c);
  segment(fan_in.input, structure_.d);
  segment(fan_in.one, 1);
}

// The parameters of one row meet `value` in every unit.
template <typename T>
void BlockSensitivities<T>::AddRow(std::size_t gate, const CellStep<T>& step, const Block& block,
                                   std::int64_t row, T value) const {
  const std::int64_t first = row * s_;
  for (std::size_t k = 0; k < structure_.slope.size(); ++k) {
    const Pair& pair = structure_.slope[k];
    if (pair.from != static_cast<int>(gate)) continue;
    const T* const slope = step.slope() + static_cast<std::int64_t>(k) * structure_.n + block.first;
    for (std::int64_t i = 0; i < s_; ++i) Row(block, pair.to, i)[first + i] += slope[i] * value;
  }
  if (!modulators_[gate]) return;
  for (int c = 0; c < structure_.components; ++c) {
    for (std::int64_t i = 0; i < s_; ++i) {
      kernels::AddScaled(reach_.data() + (c * s_ + i) * s_, value, s_, Row(block, c, i) + first);
    }
  }
}

// reach[c, i, l] = dstate[c, i]/da[l] of the modulator: through what unit l feeds back to unit i.
template <typename T>
void BlockSensitivities<T>::LoadReach(std::size_t modulator, const T* theta,
                                      const CellStep<T>& step, const Block& block) {
  const std::int64_t n = structure_.n;
  std::fill(reach_.begin(), reach_.end(), T{0});
  // d(r h')/da of the modulator r, which the cell leaves last.
  const T* const passed = step.extra() + 2 * n + block.first;
  for (std::size_t k = 0; k < structure_.slope.size(); ++k) {
    const Gate& gate = structure_.gates[Count(structure_.slope[k].from)];
    if (gate.modulator != static_cast<int>(modulator)) continue;
    const T* const slope = step.slope() + static_cast<std::int64_t>(k) * n + block.first;
    const T* const weights = theta + gate.offset + block.first;
    T* const reach = reach_.data() + structure_.slope[k].to * s_ * s_;
    for (std::int64_t i = 0; i < s_; ++i) {
      for (std::int64_t l = 0; l < s_; ++l) {
        reach[i * s_ + l] += slope[i] * weights[l * n + i] * passed[l];
      }
    }
  }
}

// g [K s] = sum over the block's outputs of q times their rows of S.
template <typename T>
void BlockSensitivities<T>::ContractBlock(const T* q, std::int64_t first, const T* values,
                                          T* g) const {
  const std::int64_t n = structure_.n;
  std::fill_n(g, columns(), T{0});
  for (std::int64_t column = 0; column < columns(); column += kStripWidth) {
    const std::int64_t width = std::min(kStripWidth, columns() - column);
    for (int c = structure_.first_output; c < structure_.components; ++c) {
      const T* const own = q + (c - structure_.first_output) * n + first;
      for (std::int64_t i = 0; i < s_; ++i) {
        kernels::AddScaled(values + (c * s_ + i) * columns() + column, own[i], width, g + column);
      }
    }
  }
}

template <typename T>
void BlockSensitivities<T>::Contract(const T* q, const T* state, T* g) {
  const std::int64_t n = structure_.n;
  if (s_ == n) return ContractBlock(q, 0, state, g);
  for (std::int64_t first = 0; first < n; first += s_) {
    ContractBlock(q, first, state + structure_.components * first * columns(), column_.data());
    for (std::int64_t row = 0; row < rows_; ++row) {
      std::copy_n(column_.data() + row * s_, s_, g + row * n + first);
    }
  }
}

template class BlockSensitivities<float>;
template class BlockSensitivities<double>;

}  // namespace millrace::engine
