#include "engine/rules/unit_traces.h"

#include <algorithm>
#include <utility>

#include "engine/cells/derivatives.h"
#include "kernels/ops.h"

namespace millrace::engine {
namespace {

int SlopeOf(const Structure& structure, int component, int gate) {
  for (std::size_t k = 0; k < structure.slope.size(); ++k) {
    if (structure.slope[k].to == component && structure.slope[k].from == gate) {
      return static_cast<int>(k);
    }
  }
  return kNone;
}

}  // namespace

// A component has a trace for a gate if the gate reaches it at once, or through another's trace.
template <typename T>
std::vector<typename UnitTraces<T>::Entry> UnitTraces<T>::EntriesOf(int gate) const {
  std::vector<bool> reached(static_cast<std::size_t>(structure_.components), false);
  for (int c = 0; c < structure_.components; ++c) {
    reached[static_cast<std::size_t>(c)] = SlopeOf(structure_, c, gate) != kNone;
  }
  for (bool more = true; more;) {
    more = false;
    for (const Pair& pair : coupling_) {
      const auto to = static_cast<std::size_t>(pair.to);
      if (!reached[static_cast<std::size_t>(pair.from)] || reached[to]) continue;
      reached[to] = more = true;
    }
  }
  std::vector<Entry> entries;
  for (int c = 0; c < structure_.components; ++c) {
    if (!reached[static_cast<std::size_t>(c)]) continue;
    entries.push_back({c, SlopeOf(structure_, c, gate), 0, {}, {}});
  }
  for (Entry& entry : entries) {
    for (std::size_t k = 0; k < coupling_.size(); ++k) {
      if (coupling_[k].to != entry.component) continue;
      for (std::size_t from = 0; from < entries.size(); ++from) {
        if (entries[from].component != coupling_[k].from) continue;
        entry.sources.push_back(static_cast<int>(k));
        entry.from.push_back(static_cast<int>(from));
      }
    }
  }
  return entries;
}

template <typename T>
UnitTraces<T>::UnitTraces(const Structure& structure, std::vector<Pair> coupling)
    : structure_(structure), coupling_(std::move(coupling)) {
  for (std::size_t g = 0; g < structure_.gates.size(); ++g) {
    entries_.push_back(EntriesOf(static_cast<int>(g)));
    for (Entry& entry : entries_.back()) {
      entry.offset = size_;
      size_ += structure_.rows(structure_.gates[g]) * structure_.n;
    }
  }
  const auto n = static_cast<std::size_t>(structure_.n);
  coupling_values_.assign(coupling_.size() * n, T{0});
  slopes_.assign(static_cast<std::size_t>(structure_.components) * n, T{0});
  next_ = slopes_;
  spread_.assign(n, T{0});
}

template <typename T>
void UnitTraces<T>::LoadSlopes(std::size_t gate, const CellStep<T>& step, T scale) {
  const std::int64_t n = structure_.n;
  for (std::size_t e = 0; e < entries_[gate].size(); ++e) {
    T* const to = slopes_.data() + static_cast<std::int64_t>(e) * n;
    const int slope = entries_[gate][e].slope;
    if (slope == kNone) {
      std::fill_n(to, n, T{0});
      continue;
    }
    std::copy_n(step.slope() + slope * n, n, to);
    if (scale != T{1}) kernels::Scale(to, scale, n);
  }
}

template <typename T>
const T* UnitTraces<T>::RowInput(const Segment& segment, std::int64_t row) {
  const std::int64_t c = segment.spread ? structure_.block_units() : structure_.n;
  for (std::int64_t first = 0; first < structure_.n; first += c) {
    std::fill_n(spread_.data() + first, c, segment.x[segment.spread ? first + row : row]);
  }
  return spread_.data();
}

template <typename T>
void UnitTraces<T>::AdvanceSegment(std::size_t gate, const Segment& segment, T* traces) {
  const std::vector<Entry>& entries = entries_[gate];
  const std::int64_t n = structure_.n;
  const bool alone = entries.size() == 1 && entries[0].sources.size() == 1;
  if (alone && !segment.spread) {
    kernels::AdvanceTrace(coupling_values_.data() + entries[0].sources[0] * n, slopes_.data(),
                          segment.x, segment.count, n,
                          traces + entries[0].offset + segment.row * n);
    return;
  }
  for (std::int64_t row = 0; row < segment.count; ++row) {
    const T* const x = RowInput(segment, row);
    const std::int64_t at = (segment.row + row) * n;
    for (std::size_t e = 0; e < entries.size(); ++e) {
      T* const next = next_.data() + static_cast<std::int64_t>(e) * n;
      const T* const slope = slopes_.data() + static_cast<std::int64_t>(e) * n;
      for (std::int64_t i = 0; i < n; ++i) next[i] = slope[i] * x[i];
      for (std::size_t k = 0; k < entries[e].sources.size(); ++k) {
        const T* const coupling = coupling_values_.data() + entries[e].sources[k] * n;
        const T* const from =
            traces + entries[static_cast<std::size_t>(entries[e].from[k])].offset + at;
        for (std::int64_t i = 0; i < n; ++i) next[i] += coupling[i] * from[i];
      }
    }
    for (std::size_t e = 0; e < entries.size(); ++e) {
      std::copy_n(next_.data() + static_cast<std::int64_t>(e) * n, n,
                  traces + entries[e].offset + at);
    }
  }
}

template <typename T>
void UnitTraces<T>::AdvanceGate(std::size_t gate, const CellStep<T>& step, T* traces) {
  const Gate& of = structure_.gates[gate];
  const FanIn<T> fan_in = FanInOf(structure_, step, of);
  std::int64_t row = 0;
  const auto segment = [&](const T* x, std::int64_t count, bool spread) {
    if (x == nullptr) return;
    AdvanceSegment(gate, {row, count, x, spread}, traces);
    row += count;
  };
  segment(fan_in.fed_back, structure_.recurrent_rows(of), structure_.blocks > 1);
  segment(fan_in.input, structure_.d, false);
  segment(fan_in.one, 1, false);
}

template <typename T>
void UnitTraces<T>::Advance(const CellStep<T>& step, T scale, T* traces) {
  for (std::size_t g = 0; g < structure_.gates.size(); ++g) {
    LoadSlopes(g, step, scale);
    AdvanceGate(g, step, traces);
  }
}

template <typename T>
void UnitTraces<T>::Contract(const T* q, const T* traces, T* g) const {
  const std::int64_t n = structure_.n;
  for (std::size_t k = 0; k < structure_.gates.size(); ++k) {
    const Gate& gate = structure_.gates[k];
    const std::int64_t rows = structure_.rows(gate);
    T* const to = g + gate.offset;
    bool first = true;
    for (const Entry& entry : entries_[k]) {
      if (entry.component < structure_.first_output) continue;
      const T* const own = q + (entry.component - structure_.first_output) * n;
      const T* const trace = traces + entry.offset;
      if (first) {
        kernels::ContractTrace(own, trace, rows, n, to);
        first = false;
        continue;
      }
      for (std::int64_t j = 0; j < rows; ++j) {
        for (std::int64_t i = 0; i < n; ++i) to[j * n + i] += own[i] * trace[j * n + i];
      }
    }
    if (first) std::fill_n(to, rows * n, T{0});
  }
}

template class UnitTraces<float>;
template class UnitTraces<double>;

}  // namespace millrace::engine
