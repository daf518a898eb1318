// One head of RetNet (Sun et al. 2023), without rotation and norm: S = g S' + k v^T, y = S^T q with
// q, k, v linear in the input.
//
// Not made of gates: the units of a row share what they know. Its exact sensitivities cost no more
// than the step (AdvanceShared). State: S [k, v] row-major, then the outputs y [v].
#ifndef MILLRACE_ENGINE_CELLS_RETNET_H_
#define MILLRACE_ENGINE_CELLS_RETNET_H_

#include <cstdint>
#include <memory>

#include "engine/cells/cell.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeRetnet();

// `part` is resolved; d inputs.
template <typename T>
std::unique_ptr<Cell<T>> MakeRetnet(const PartSpec& part, std::int64_t inputs);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_RETNET_H_
