// Traces of a gate's weights: the sensitivities of a unit's own components to its own weights, one
// number for each pair of component and weight, and the gradient that they give.
//   E_c[r, i] <- slope_c[i] x[r] + K_cc'[i] E_c'[r, i] + K_cc''[i] E_c''[r, i] + ...
//   g[r, i] = sum_c q_c[i] E_c[r, i]
// for row r and unit i, over the components c that have a trace for the gate. In place: every
// number of E is read once and written once, and what the gradient's norm needs is gathered
// meanwhile. g itself is formed where it is needed: it costs reading E.
//
// Orders of sums: the product of slope and x, rounded, then MulAdd of the sources as listed. g: a
// product, then MulAdd of the further outputs. Squares: as SweepTraces says.
//
// As ops.h: the widest vectors that this processor has, the same bits on all that have FMA; no
// allocation; pure functions of their arguments; float and double.
#ifndef MILLRACE_KERNELS_TRACES_H_
#define MILLRACE_KERNELS_TRACES_H_

#include <cstdint>

#include "kernels/ops.h"

namespace millrace::kernels {

// A gate has traces of at most so many components.
inline constexpr int kMostTraces = 160;

// K[i] E[r, i] of the trace at place `from`.
template <typename T>
struct TraceSource {
  const T* coupling;  // K [n]
  int from;
};

template <typename T>
struct Trace {
  T* values;                      // E [rows, n]
  const T* slope;                 // [n]
  const TraceSource<T>* sources;  // [source_count]
  int source_count;
  const T* q;  // [n], or null: no output
};

// The rows of one gate that meet one vector x: row r of unit i meets x[r], or, where the cell's
// recurrent weights are in blocks of fewer than n units, x[first unit of i's block + r].
template <typename T>
struct TraceRows {
  const Trace<T>* traces;  // [count]
  int count;
  std::int64_t rows, n;
  const T* x;
  std::int64_t block;  // n: no blocks
};

// Takes a step into the traces.
template <typename T>
void AdvanceTraces(const TraceRows<T>& rows);

// The same, and the sum of the squares of g over the rows r that takes[r] says, or all where it is
// null. Of each unit over rising r by MulAdd, then over the units in 16 lanes; with one output, the
// squares of E are summed instead, and multiplied by q, twice. scratch [n]. Infinite where g or
// its squares are, or, with one output, the squares of E.
template <typename T>
T SweepTraces(const TraceRows<T>& rows, const std::uint8_t* takes, T* scratch);

// An output's trace, as a gradient takes it.
template <typename T>
struct TraceOutput {
  const T* values;  // E [rows, n]
  const T* q;       // [n]
};

// g [rows, n] from the outputs [count] of a gate's traces as they stand; zero without any.
template <typename T>
void ContractTraces(const TraceOutput<T>* outputs, int count, std::int64_t rows, std::int64_t n,
                    T* g);

// Weights whose gradient is in traces, g[r, i] = scale sum_c q_c[i] E_c[r, i], its sum as
// ContractTraces has it. They may be some rows of a gate: E[0, 0] is at values[skipped].
template <typename T>
struct TracedMap {
  const TraceOutput<T>* outputs;  // [count]
  int count;
  std::int64_t skipped;
  T scale;
  std::int64_t rows, n;
  T* theta;   // [rows, n]
  T* first;   // [rows, n], momentum, where the optimizer has one
  T* second;  // [rows, n], running mean square, where it has one
};

// theta += what Change (ops.h) makes of g; one pass over weights, slots and traces.
template <typename T>
void ChangeTraced(UpdateKind kind, const UpdateRates<T>& rates, const TracedMap<T>& map);

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_TRACES_H_
