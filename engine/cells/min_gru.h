// minGRU (Feng et al. 2024): gates that see the input alone, as kernels/cells/min_gru.h states it.
#ifndef MILLRACE_ENGINE_CELLS_MIN_GRU_H_
#define MILLRACE_ENGINE_CELLS_MIN_GRU_H_

#include <cstdint>
#include <memory>

#include "engine/cells/cell.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeMinGru();

// `part` is resolved; d inputs.
template <typename T>
std::unique_ptr<Cell<T>> MakeMinGru(const PartSpec& part, std::int64_t inputs);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_MIN_GRU_H_
