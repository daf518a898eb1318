// sLSTM (Beck et al. 2024): exponential input gate, normaliser, recurrent weights within heads, as
// kernels/cells/slstm.h states it. State: c, nrm, h; auxiliary the exponent m.
#ifndef MILLRACE_ENGINE_CELLS_SLSTM_H_
#define MILLRACE_ENGINE_CELLS_SLSTM_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "engine/cells/cell.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeSlstm();
// BAD_SPEC where the heads do not divide the units. `part` is resolved.
absl::Status CheckSlstm(const PartSpec& part);

// `part` is resolved and passes CheckSlstm; d inputs.
template <typename T>
std::unique_ptr<Cell<T>> MakeSlstm(const PartSpec& part, std::int64_t inputs);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_SLSTM_H_
