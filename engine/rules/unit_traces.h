// Traces: the sensitivities of a unit's own components to its own parameters, one number for each
// pair of component and weight that the structure says is not always zero.
//   E[c, g, j, i] = sum_c' K[c, c', i] E[c', g, j, i] + slope[c, g, i] f_g[j]
// with K as the caller sets it: a plain decay, the cell's own carry (RFLO; exact for a diagonal
// cell), or the carry and the unit's own recurrent weight (SnAp-1).
//   G[g, j, i] = sum_c q[c, i] E[c, g, j, i] over the outputs c.
//
// State: gate by gate, component by component, each [rows of the gate, n]. Thread-compatible
// (scratch); O(components n rows) a step, which reads and writes the state once
// (kernels/traces.h).
#ifndef MILLRACE_ENGINE_RULES_UNIT_TRACES_H_
#define MILLRACE_ENGINE_RULES_UNIT_TRACES_H_

#include <cstdint>
#include <vector>

#include "engine/cells/cell.h"
#include "engine/gradient.h"
#include "kernels/traces.h"

namespace millrace::engine {

template <typename T>
class UnitTraces {
 public:
  // `coupling` lists the pairs (to, from) of components where K may not be zero.
  UnitTraces(const Structure& structure, std::vector<Pair> coupling);
  // Its lists point into itself.
  UnitTraces(const UnitTraces&) = delete;
  UnitTraces& operator=(const UnitTraces&) = delete;

  std::int64_t size() const { return size_; }
  const std::vector<Pair>& pairs() const { return coupling_; }
  // K [pairs, n], to be filled before Advance.
  T* coupling() { return coupling_values_.data(); }
  // Takes the step in; the immediate term is multiplied by `scale`.
  void Advance(const CellStep<T>& step, T scale, T* traces);
  // The same for a step that learns, with q [o] fed back; lists where the gradient is.
  struct Feedback {
    const T* q;
    TakingRows rows;
  };
  void Sweep(const CellStep<T>& step, T scale, const Feedback& feedback, T* traces,
             std::vector<TracedGradient<T>>* gradient);
  // g [p] from q [o]; every weight is written.
  void Contract(const T* q, const T* traces, T* g);

 private:
  // Rows of a gate: fed back, input, bias or its own.
  static constexpr std::size_t kSegments = 3;

  // The trace of one component for one gate.
  struct Entry {
    int component;
    int slope;            // its place among the step's slopes; kNone: no immediate term
    std::int64_t offset;  // in the state
  };
  // Rows of a gate that meet consecutive numbers of one vector.
  struct Segment {
    std::int64_t first, count;  // row
    const T* x;
    std::int64_t block;  // as kernels::TraceRows has it
    bool input;
  };
  struct GateTraces {
    std::vector<Entry> entries;
    std::vector<std::vector<kernels::TraceSource<T>>> sources;  // of each entry
    // Scratch: the outputs of its segments, kSegments times as many as there are.
    std::vector<kernels::TraceOutput<T>> outputs;
  };

  GateTraces TracesOf(int gate) const;
  std::vector<kernels::TraceSource<T>> SourcesOf(const GateTraces& gate, int component) const;
  // Scales the step's slopes where that changes them.
  const T* Slopes(const CellStep<T>& step, T scale);
  template <typename Run>
  void ForSegments(std::size_t gate, const CellStep<T>& step, const Run& run) const;
  // A segment's traces, in list_.
  kernels::TraceRows<T> RowsOf(const GateTraces& gate, const Segment& segment, const T* slopes,
                               T* traces);
  // Lists the outputs' traces from a row on, at `outputs`; how many.
  int ListOutputs(const GateTraces& gate, std::int64_t row, const T* q, const T* traces,
                  kernels::TraceOutput<T>* outputs) const;

  Structure structure_;
  std::vector<Pair> coupling_;
  std::vector<GateTraces> gates_;
  std::int64_t size_ = 0;
  std::vector<T> coupling_values_;  // [pairs, n]
  std::vector<T> zeros_;            // [n]
  // Scratch.
  std::vector<kernels::TraceOutput<T>> contracted_;  // what Contract lists: Sweep's list stays
  std::vector<T> sums_;                              // [n]
  std::vector<std::uint8_t> absent_;                 // [d] zeros
  std::vector<T> slopes_;                            // [slopes, n]
  std::vector<kernels::Trace<T>> list_;              // of a segment
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_UNIT_TRACES_H_
