// RWKV-4 time mixing (Peng et al. 2023), as kernels/cells/rwkv.h states it.
//
// The projections see mix x + (1 - mix) x', x' being the input before. The mix is fixed and one for
// all: learned per channel it would reach every unit within one step, and sensitivities would cost
// n times as much. State: a, b, y; auxiliary the exponent p, then x' [d].
#ifndef MILLRACE_ENGINE_CELLS_RWKV_H_
#define MILLRACE_ENGINE_CELLS_RWKV_H_

#include <cstdint>
#include <memory>

#include "engine/cells/cell.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeRwkv();

// `part` is resolved; d inputs.
template <typename T>
std::unique_ptr<Cell<T>> MakeRwkv(const PartSpec& part, std::int64_t inputs);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_RWKV_H_
