// The list of cells. A new cell: its own files, an entry here, a line in CMake.
#ifndef MILLRACE_ENGINE_CELLS_LIST_H_
#define MILLRACE_ENGINE_CELLS_LIST_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/cells/cell.h"
#include "engine/spec.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeCells();

// Whether the cell's settings fit each other; BAD_SPEC where not. `part` is resolved.
absl::Status CheckCell(const PartSpec& part);

// The rule of a model that names none: the exact one where it costs no more than the step does, the
// immediate one elsewhere. `part` is resolved and passes CheckCell.
std::string DefaultRule(const PartSpec& part);

// `part` is resolved and passes CheckCell.
template <typename T>
std::unique_ptr<Cell<T>> MakeCell(const PartSpec& part, std::int64_t inputs);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_LIST_H_
