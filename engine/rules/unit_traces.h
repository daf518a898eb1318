// Traces: the sensitivities of a unit's own components to its own parameters, one number for each
// pair of component and weight that the structure says is not always zero.
//   E[c, g, j, i] = sum_c' K[c, c', i] E[c', g, j, i] + slope[c, g, i] f_g[j]
// with K as the caller sets it: a plain decay, the cell's own carry (RFLO; exact for a diagonal
// cell), or the carry and the unit's own recurrent weight (SnAp-1).
//   G[g, j, i] = sum_c q[c, i] E[c, g, j, i] over the outputs c.
//
// State: gate by gate, component by component, each [rows of the gate, n]. Thread-compatible
// (scratch); O(components n rows) a step.
#ifndef MILLRACE_ENGINE_RULES_UNIT_TRACES_H_
#define MILLRACE_ENGINE_RULES_UNIT_TRACES_H_

#include <cstdint>
#include <vector>

#include "engine/cells/cell.h"

namespace millrace::engine {

template <typename T>
class UnitTraces {
 public:
  // `coupling` lists the pairs (to, from) of components where K may not be zero.
  UnitTraces(const Structure& structure, std::vector<Pair> coupling);

  std::int64_t size() const { return size_; }
  const std::vector<Pair>& pairs() const { return coupling_; }
  // K [pairs, n], to be filled before Advance.
  T* coupling() { return coupling_values_.data(); }
  // Takes the step in; the immediate term is multiplied by `scale`.
  void Advance(const CellStep<T>& step, T scale, T* traces);
  // g [p] from q [o]; every weight is written.
  void Contract(const T* q, const T* traces, T* g) const;

 private:
  // The trace of one component for one gate.
  struct Entry {
    int component;
    int slope;                 // its place among the step's slopes; kNone: no immediate term
    std::int64_t offset;       // in the state
    std::vector<int> sources;  // places in the coupling, then the entries they come from
    std::vector<int> from;
  };
  // Rows of a gate that meet consecutive numbers of one vector.
  struct Segment {
    std::int64_t row, count;
    const T* x;
    bool spread;  // unit i meets x[first unit of its block + row]
  };

  std::vector<Entry> EntriesOf(int gate) const;
  void AdvanceGate(std::size_t gate, const CellStep<T>& step, T* traces);
  void AdvanceSegment(std::size_t gate, const Segment& segment, T* traces);
  // The immediate term's slopes [entries, n] of a gate, scaled.
  void LoadSlopes(std::size_t gate, const CellStep<T>& step, T scale);
  const T* RowInput(const Segment& segment, std::int64_t row);

  Structure structure_;
  std::vector<Pair> coupling_;
  std::vector<std::vector<Entry>> entries_;  // by gate
  std::int64_t size_ = 0;
  std::vector<T> coupling_values_;  // [pairs, n]
  std::vector<T> slopes_, next_;    // scratch [C, n]
  std::vector<T> spread_;           // scratch [n]
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_UNIT_TRACES_H_
