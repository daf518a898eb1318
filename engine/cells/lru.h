// Linear recurrent unit (Orvieto et al. 2023): complex diagonal recurrence, real and imaginary part
// outputs both, as kernels/cells/lru.h states it. The input is scaled by sqrt(1 - |lambda|^2), tied
// to lambda or learned from there.
#ifndef MILLRACE_ENGINE_CELLS_LRU_H_
#define MILLRACE_ENGINE_CELLS_LRU_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "engine/cells/cell.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeLru();
// BAD_SPEC where r_max is below r_min. `part` is resolved.
absl::Status CheckLru(const PartSpec& part);

// `part` is resolved and passes CheckLru; d inputs.
template <typename T>
std::unique_ptr<Cell<T>> MakeLru(const PartSpec& part, std::int64_t inputs);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_LRU_H_
