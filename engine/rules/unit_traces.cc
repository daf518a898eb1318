#include "engine/rules/unit_traces.h"

#include <algorithm>
#include <utility>

#include "engine/cells/derivatives.h"
#include "engine/check.h"
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

// Whether a component has a trace for a gate: the gate reaches it at once, or through another's.
std::vector<bool> Reached(const Structure& structure, const std::vector<Pair>& coupling, int gate) {
  std::vector<bool> reached(static_cast<std::size_t>(structure.components), false);
  for (int c = 0; c < structure.components; ++c) {
    reached[static_cast<std::size_t>(c)] = SlopeOf(structure, c, gate) != kNone;
  }
  for (bool more = true; more;) {
    more = false;
    for (const Pair& pair : coupling) {
      const auto to = static_cast<std::size_t>(pair.to);
      if (!reached[static_cast<std::size_t>(pair.from)] || reached[to]) continue;
      reached[to] = more = true;
    }
  }
  return reached;
}

}  // namespace

template <typename T>
UnitTraces<T>::UnitTraces(const Structure& structure, std::vector<Pair> coupling)
    : structure_(structure), coupling_(std::move(coupling)) {
  const auto n = static_cast<std::size_t>(structure_.n);
  coupling_values_.assign(coupling_.size() * n, T{0});
  zeros_.assign(n, T{0});
  slopes_.assign(structure_.slope.size() * n, T{0});
  std::size_t most = 0;
  for (std::size_t g = 0; g < structure_.gates.size(); ++g) {
    gates_.push_back(TracesOf(static_cast<int>(g)));
    for (Entry& entry : gates_.back().entries) {
      entry.offset = size_;
      size_ += structure_.rows(structure_.gates[g]) * structure_.n;
    }
    most = std::max(most, gates_.back().entries.size());
  }
  MILLRACE_CHECK(most <= kernels::kMostTraces);
  list_.resize(most);
  contracted_.resize(most);
  sums_.resize(n);
  absent_.assign(static_cast<std::size_t>(structure_.d), 0);
}

template <typename T>
typename UnitTraces<T>::GateTraces UnitTraces<T>::TracesOf(int gate) const {
  const std::vector<bool> reached = Reached(structure_, coupling_, gate);
  GateTraces result;
  for (int c = 0; c < structure_.components; ++c) {
    if (!reached[static_cast<std::size_t>(c)]) continue;
    result.entries.push_back({c, SlopeOf(structure_, c, gate), 0});
  }
  for (const Entry& entry : result.entries) {
    result.sources.push_back(SourcesOf(result, entry.component));
  }
  result.outputs.resize(kSegments * result.entries.size());
  return result;
}

template <typename T>
std::vector<kernels::TraceSource<T>> UnitTraces<T>::SourcesOf(const GateTraces& gate,
                                                              int component) const {
  std::vector<kernels::TraceSource<T>> sources;
  for (std::size_t k = 0; k < coupling_.size(); ++k) {
    if (coupling_[k].to != component) continue;
    for (std::size_t from = 0; from < gate.entries.size(); ++from) {
      if (gate.entries[from].component != coupling_[k].from) continue;
      sources.push_back({coupling_values_.data() + static_cast<std::int64_t>(k) * structure_.n,
                         static_cast<int>(from)});
    }
  }
  return sources;
}

template <typename T>
const T* UnitTraces<T>::Slopes(const CellStep<T>& step, T scale) {
  if (scale == T{1}) return step.slope();
  std::copy_n(step.slope(), slopes_.size(), slopes_.data());
  kernels::Scale(slopes_.data(), scale, static_cast<std::int64_t>(slopes_.size()));
  return slopes_.data();
}

template <typename T>
template <typename Run>
void UnitTraces<T>::ForSegments(std::size_t gate, const CellStep<T>& step, const Run& run) const {
  const Gate& of = structure_.gates[gate];
  const FanIn<T> fan_in = FanInOf(structure_, step, of);
  std::int64_t row = 0;
  const auto segment = [&](const T* x, std::int64_t count, std::int64_t block) {
    if (x == nullptr) return;
    run(Segment{row, count, x, block, x == fan_in.input});
    row += count;
  };
  segment(fan_in.fed_back, structure_.recurrent_rows(of), structure_.block_units());
  segment(fan_in.input, structure_.d, structure_.n);
  segment(fan_in.one, 1, structure_.n);
}

template <typename T>
kernels::TraceRows<T> UnitTraces<T>::RowsOf(const GateTraces& gate, const Segment& segment,
                                            const T* slopes, T* traces) {
  const std::int64_t n = structure_.n;
  for (std::size_t e = 0; e < gate.entries.size(); ++e) {
    const Entry& entry = gate.entries[e];
    list_[e] = {traces + entry.offset + segment.first * n,
                entry.slope == kNone ? zeros_.data() : slopes + entry.slope * n,
                gate.sources[e].data(), static_cast<int>(gate.sources[e].size()), nullptr};
  }
  return {list_.data(), static_cast<int>(gate.entries.size()), segment.count, n, segment.x,
          segment.block};
}

template <typename T>
void UnitTraces<T>::Advance(const CellStep<T>& step, T scale, T* traces) {
  const T* const slopes = Slopes(step, scale);
  for (std::size_t g = 0; g < gates_.size(); ++g) {
    ForSegments(g, step, [&](const Segment& segment) {
      kernels::AdvanceTraces(RowsOf(gates_[g], segment, slopes, traces));
    });
  }
}

template <typename T>
int UnitTraces<T>::ListOutputs(const GateTraces& gate, std::int64_t row, const T* q,
                               const T* traces, kernels::TraceOutput<T>* outputs) const {
  int count = 0;
  for (const Entry& entry : gate.entries) {
    const int output = entry.component - structure_.first_output;
    if (output < 0) continue;
    outputs[count++] = {traces + entry.offset + row * structure_.n, q + output * structure_.n};
  }
  return count;
}

template <typename T>
void UnitTraces<T>::Sweep(const CellStep<T>& step, T scale, const Feedback& feedback, T* traces,
                          std::vector<TracedGradient<T>>* gradient) {
  const std::int64_t n = structure_.n;
  const T* const slopes = Slopes(step, scale);
  const TakingRows& rows = feedback.rows;
  const std::uint8_t* const present = rows.none ? absent_.data() : rows.present;
  for (std::size_t g = 0; g < gates_.size(); ++g) {
    GateTraces& gate = gates_[g];
    kernels::TraceOutput<T>* outputs = gate.outputs.data();
    ForSegments(g, step, [&](const Segment& segment) {
      const kernels::TraceRows<T> of = RowsOf(gate, segment, slopes, traces);
      for (std::size_t e = 0; e < gate.entries.size(); ++e) {
        const int output = gate.entries[e].component - structure_.first_output;
        if (output >= 0) list_[e].q = feedback.q + output * n;
      }
      const T squares = kernels::SweepTraces(of, segment.input ? present : nullptr, sums_.data());
      const int count = ListOutputs(gate, segment.first, feedback.q, traces, outputs);
      gradient->push_back({structure_.gates[g].offset + segment.first * n, segment.count, n,
                           outputs, count, squares});
      outputs += count;
    });
  }
}

template <typename T>
void UnitTraces<T>::Contract(const T* q, const T* traces, T* g) {
  for (std::size_t k = 0; k < gates_.size(); ++k) {
    const Gate& gate = structure_.gates[k];
    kernels::TraceOutput<T>* const outputs = contracted_.data();
    kernels::ContractTraces(outputs, ListOutputs(gates_[k], 0, q, traces, outputs),
                            structure_.rows(gate), structure_.n, g + gate.offset);
  }
}

template class UnitTraces<float>;
template class UnitTraces<double>;

}  // namespace millrace::engine
