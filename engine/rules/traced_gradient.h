// A gradient that is not stored: it is in a rule's traces, and is formed anew where it is used.
//
// Pointers are to the rule's state and scratch, and hold until its next step. Thread-compatible.
#ifndef MILLRACE_ENGINE_RULES_TRACED_GRADIENT_H_
#define MILLRACE_ENGINE_RULES_TRACED_GRADIENT_H_

#include <cstdint>
#include <vector>

#include "kernels/traces.h"

namespace millrace::engine {

// The gradient of one block of the cell's parameters: sum_c q_c[i] E_c[r, i].
template <typename T>
struct TracedBlock {
  std::int64_t offset;  // of the block's first parameter
  std::int64_t rows, n;
  const kernels::TraceOutput<T>* outputs;  // [count]
  int count;
  T squares;  // of the gradient, over the rows that take part in the step
};

// Which of the d input rows take part.
struct TakingRows {
  const std::uint8_t* present = nullptr;  // [d]; null: all
  bool none = false;
};

// Every block of the cell's parameters, in their order.
template <typename T>
using TracedGradient = std::vector<TracedBlock<T>>;

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_TRACED_GRADIENT_H_
