// The list of cells. A new cell: its own files, an entry here, a line in CMake.
#ifndef MILLRACE_ENGINE_CELLS_LIST_H_
#define MILLRACE_ENGINE_CELLS_LIST_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/cells/cell.h"
#include "engine/spec.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeCells();

// The rule of a model that names none. Empty for an unknown cell.
std::string DefaultRule(absl::string_view cell);

// `part` is resolved.
template <typename T>
std::unique_ptr<Cell<T>> MakeCell(const PartSpec& part, std::int64_t inputs);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_LIST_H_
