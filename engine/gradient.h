// A gradient as its rule and head leave it for the updater: numbers written out, or outer products
// and traces, which need not be.
//
// Not thread-safe; nothing is allocated once as many pieces were listed as ever will be.
#ifndef MILLRACE_ENGINE_GRADIENT_H_
#define MILLRACE_ENGINE_GRADIENT_H_

#include <cstdint>
#include <vector>

#include "kernels/traces.h"

namespace millrace::engine {

// Parameters [rows, width] from `offset` on whose gradient is g[j, i] = x[j] d[i].
template <typename T>
struct OuterGradient {
  std::int64_t offset, rows, width;
  const T* x;  // [rows]
  const T* d;  // [width]
};

// Parameters [rows, width] from `offset` on whose gradient is in traces (kernels/traces.h), and is
// formed anew where it is used.
template <typename T>
struct TracedGradient {
  std::int64_t offset, rows, width;
  const kernels::TraceOutput<T>* outputs;  // [count]
  int count;
  T squares;  // of the gradient, over the rows that take part in the step
};

// Pieces by rising offset, none overlapping another.
template <typename T>
struct Gradient {
  T* stored = nullptr;  // [p], written where no piece stands
  std::vector<OuterGradient<T>> outer = {};
  std::vector<TracedGradient<T>> traced = {};
};

// Which of the d input rows take part in a step.
struct TakingRows {
  const std::uint8_t* present = nullptr;  // [d]; null: all
  bool none = false;
};

// What the parameters [rows, width] from `offset` on meet at the next step, where that is known
// before the update: sums[i] += sum_j x[j] theta[j, i] under the new weights, with the bits and in
// the order of the forward pass.
template <typename T>
struct NextMap {
  std::int64_t offset, rows, width;
  const T* x;             // [rows]; null: one-hot
  std::int64_t one = -1;  // of a one-hot: the row that is 1, or -1
  T* sums;                // [width]
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_GRADIENT_H_
