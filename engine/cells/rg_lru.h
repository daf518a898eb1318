// Real-gated linear recurrent unit (De et al. 2024), as kernels/cells/rg_lru.h states it, with
// dense gates without bias.
#ifndef MILLRACE_ENGINE_CELLS_RG_LRU_H_
#define MILLRACE_ENGINE_CELLS_RG_LRU_H_

#include <cstdint>
#include <memory>

#include "engine/cells/cell.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeRgLru();

// `part` is resolved; d inputs.
template <typename T>
std::unique_ptr<Cell<T>> MakeRgLru(const PartSpec& part, std::int64_t inputs);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_RG_LRU_H_
