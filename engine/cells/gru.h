// GRU (Cho et al. 2014), with the reset after the recurrent product or before it, as
// kernels/cells/gru.h states them. Where it is before, a reset's weights reach the candidates of
// all units within one step.
#ifndef MILLRACE_ENGINE_CELLS_GRU_H_
#define MILLRACE_ENGINE_CELLS_GRU_H_

#include <cstdint>
#include <memory>

#include "engine/cells/cell.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeGru();

// `part` is resolved; d inputs.
template <typename T>
std::unique_ptr<Cell<T>> MakeGru(const PartSpec& part, std::int64_t inputs);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_GRU_H_
