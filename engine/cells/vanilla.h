// The vanilla tanh cell, leaky form included: h = (1 - al) h' + al tanh(W h' + U x + b).
// al = 1 is the Elman network; al = dt/tau discretises a continuous-time one.
#ifndef MILLRACE_ENGINE_CELLS_VANILLA_H_
#define MILLRACE_ENGINE_CELLS_VANILLA_H_

#include <cstdint>
#include <memory>

#include "engine/cells/cell.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeVanilla();

// `part` is resolved; d inputs.
template <typename T>
std::unique_ptr<Cell<T>> MakeVanilla(const PartSpec& part, std::int64_t inputs);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_VANILLA_H_
