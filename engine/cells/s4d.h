// Diagonal state space cell (Gu et al. 2022): every unit a channel of some complex states, driven
// by its own sum of the inputs, as kernels/cells/s4d.h states it. State: real and imaginary part of
// each state, then the outputs y.
#ifndef MILLRACE_ENGINE_CELLS_S4D_H_
#define MILLRACE_ENGINE_CELLS_S4D_H_

#include <cstdint>
#include <memory>

#include "engine/cells/cell.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeS4d();

// `part` is resolved; d inputs.
template <typename T>
std::unique_ptr<Cell<T>> MakeS4d(const PartSpec& part, std::int64_t inputs);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_S4D_H_
