// Which ranges of parameters take part in an update.
#include <algorithm>

#include "engine/updater.h"

namespace millrace::engine {

template <typename T>
bool Updater<T>::Takes(const ParameterBlock& block, std::int64_t row,
                       const ActiveColumns& active) const {
  if (!block.rows_wait) return true;
  const std::int64_t channel = row % layout_.inputs();
  if (active.only_byte) return channel == active.byte;
  return active.present == nullptr || active.present[channel] != 0;
}

// One span where all powers of the row are the same, else one for each output.
template <typename T>
void Updater<T>::CollectRow(const ParameterBlock& block, std::int64_t row,
                            const ActiveColumns& active, const Weights<T>& weights) {
  const std::int64_t offset = block.offset + row * block.width;
  const bool all =
      !block.columns_wait || active.known == nullptr ||
      std::all_of(active.known, active.known + block.width, [](auto known) { return known != 0; });
  if (all && (!block.columns_wait || SamePowers(weights, block.PowerAt(row, 0), block.width))) {
    spans_.push_back({block.group, offset, block.width, block.PowerAt(row, 0)});
    return;
  }
  for (std::int64_t k = 0; k < block.width; ++k) {
    if (!all && active.known[k] == 0) continue;
    spans_.push_back({block.group, offset + k, 1, block.PowerAt(row, k)});
  }
}

template <typename T>
void Updater<T>::CollectBlock(const ParameterBlock& block, const ActiveColumns& active,
                              const Weights<T>& weights) {
  const bool outputs =
      !block.columns_wait || active.known == nullptr ||
      std::all_of(active.known, active.known + block.width, [](auto known) { return known != 0; });
  bool rows = true;
  for (std::int64_t j = 0; block.rows_wait && rows && j < block.rows; ++j) {
    rows = Takes(block, j, active);
  }
  if (rows && outputs && SamePowers(weights, block.power, block.powers())) {
    spans_.push_back({block.group, block.offset, block.size(), block.power});
    powers_.push_back({block.power, block.powers()});
    return;
  }
  for (std::int64_t j = 0; j < block.rows; ++j) {
    if (!Takes(block, j, active)) continue;
    CollectRow(block, j, active, weights);
    if (!block.rows_wait && j > 0) continue;
    const std::int64_t first = block.PowerAt(j, 0);
    if (outputs) {
      powers_.push_back({first, block.columns_wait ? block.width : 1});
      continue;
    }
    for (std::int64_t k = 0; k < block.width; ++k) {
      if (active.known[k] != 0) powers_.push_back({first + k, 1});
    }
  }
}

template <typename T>
void Updater<T>::CollectSpans(const Optimizer<T>& optimizer, const ActiveColumns& active,
                              const Weights<T>& weights) {
  // Powers of a block that were one, and all took part in every update since, are one still.
  const bool all = TakesAll(active);
  if (all && whole_) {
    for (Span& span : spans_) {
      span.outer = nullptr;
      span.traced = nullptr;
    }
    return;
  }
  spans_.clear();
  powers_.clear();
  std::size_t blocks = 0;
  for (const ParameterBlock& block : layout_.blocks()) {
    if (!block.learned || optimizer.rate(block.group) <= 0) continue;
    ++blocks;
    if (active.only_byte && block.rows_wait) {
      if (active.byte < 0) continue;
      spans_.push_back({block.group, block.offset + active.byte * block.width, block.width,
                        block.PowerAt(active.byte, 0)});
      powers_.push_back({block.PowerAt(active.byte, 0), 1});
      continue;
    }
    CollectBlock(block, active, weights);
  }
  whole_ = all && spans_.size() == blocks;
}

template <typename T>
bool Updater<T>::TakesAll(const ActiveColumns& active) const {
  if (active.only_byte) return false;
  const auto marked = [](std::uint8_t mark) { return mark != 0; };
  return (active.present == nullptr ||
          std::all_of(active.present, active.present + layout_.inputs(), marked)) &&
         (active.known == nullptr || std::all_of(active.known, active.known + outputs_, marked));
}

template <typename T>
bool Updater<T>::SamePowers(const Weights<T>& weights, std::int64_t first,
                            std::int64_t count) const {
  const auto at = static_cast<std::size_t>(first);
  for (std::size_t i = at; i < at + static_cast<std::size_t>(count); ++i) {
    if (weights.power1[i] != weights.power1[at] || weights.power2[i] != weights.power2[at]) {
      return false;
    }
  }
  return true;
}

template void Updater<float>::CollectSpans(const Optimizer<float>&, const ActiveColumns&,
                                           const Weights<float>&);
template void Updater<double>::CollectSpans(const Optimizer<double>&, const ActiveColumns&,
                                            const Weights<double>&);

}  // namespace millrace::engine
