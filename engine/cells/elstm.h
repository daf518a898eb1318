// Element-wise LSTM (Irie, Gopalakrishnan and Schmidhuber 2024): a unit sees itself through
// peepholes and no other unit, as kernels/cells/elstm.h states it.
#ifndef MILLRACE_ENGINE_CELLS_ELSTM_H_
#define MILLRACE_ENGINE_CELLS_ELSTM_H_

#include <cstdint>
#include <memory>

#include "engine/cells/cell.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeElstm();

// `part` is resolved; d inputs.
template <typename T>
std::unique_ptr<Cell<T>> MakeElstm(const PartSpec& part, std::int64_t inputs);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_ELSTM_H_
