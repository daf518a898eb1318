// The list of optimizers. A new one: its own files, an entry here, a line in CMake.
#ifndef MILLRACE_ENGINE_OPTIMIZERS_LIST_H_
#define MILLRACE_ENGINE_OPTIMIZERS_LIST_H_

#include <memory>
#include <vector>

#include "engine/optimizers/optimizer.h"
#include "engine/spec.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeOptimizers();

// `part` is resolved.
template <typename T>
std::unique_ptr<Optimizer<T>> MakeOptimizer(const PartSpec& part);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_OPTIMIZERS_LIST_H_
