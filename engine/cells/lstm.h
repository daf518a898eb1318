// LSTM (Hochreiter and Schmidhuber 1997, forget gate of Gers et al. 2000), as
// kernels/cells/lstm.h states it. State: cells c, outputs h.
#ifndef MILLRACE_ENGINE_CELLS_LSTM_H_
#define MILLRACE_ENGINE_CELLS_LSTM_H_

#include <cstdint>
#include <memory>

#include "engine/cells/cell.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeLstm();

// `part` is resolved; d inputs.
template <typename T>
std::unique_ptr<Cell<T>> MakeLstm(const PartSpec& part, std::int64_t inputs);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_LSTM_H_
