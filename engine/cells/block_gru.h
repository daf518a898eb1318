// Block-diagonal GRU (Hafner et al. 2023), as kernels/cells/block_gru.h states it: recurrent
// weights within blocks, without the dense branch that joins them, so that block by block is exact.
#ifndef MILLRACE_ENGINE_CELLS_BLOCK_GRU_H_
#define MILLRACE_ENGINE_CELLS_BLOCK_GRU_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "engine/cells/cell.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeBlockGru();
// BAD_SPEC where the blocks do not divide the units. `part` is resolved.
absl::Status CheckBlockGru(const PartSpec& part);

// `part` is resolved and passes CheckBlockGru; d inputs.
template <typename T>
std::unique_ptr<Cell<T>> MakeBlockGru(const PartSpec& part, std::int64_t inputs);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_BLOCK_GRU_H_
