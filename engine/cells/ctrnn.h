// Continuous-time rate units whose time constants are learned (Funahashi and Nakamura 1993, by
// Euler steps): h = (1 - al) h' + al tanh(W h' + U x + b), al = sigmoid(leak) of each unit.
#ifndef MILLRACE_ENGINE_CELLS_CTRNN_H_
#define MILLRACE_ENGINE_CELLS_CTRNN_H_

#include <cstdint>
#include <memory>

#include "engine/cells/cell.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeCtrnn();

// `part` is resolved; d inputs.
template <typename T>
std::unique_ptr<Cell<T>> MakeCtrnn(const PartSpec& part, std::int64_t inputs);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_CTRNN_H_
