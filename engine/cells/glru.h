// Gated linear recurrent unit, real or complex, as kernels/cells/glru.h states it: the decay is
// gated by the input, which comes in as a product of two projections.
#ifndef MILLRACE_ENGINE_CELLS_GLRU_H_
#define MILLRACE_ENGINE_CELLS_GLRU_H_

#include <cstdint>
#include <memory>

#include "engine/cells/cell.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeGlru();

// `part` is resolved; d inputs.
template <typename T>
std::unique_ptr<Cell<T>> MakeGlru(const PartSpec& part, std::int64_t inputs);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_GLRU_H_
