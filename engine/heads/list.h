// The list of heads. A new head: its own files, an entry here, a line in CMake.
#ifndef MILLRACE_ENGINE_HEADS_LIST_H_
#define MILLRACE_ENGINE_HEADS_LIST_H_

#include <memory>
#include <vector>

#include "engine/heads/head.h"
#include "engine/spec.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeHeads();

// `part` is resolved.
template <typename T>
std::unique_ptr<Head<T>> MakeHead(const PartSpec& part, const HeadShape& shape);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_HEADS_LIST_H_
