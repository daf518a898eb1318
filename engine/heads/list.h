// The list of heads. A new head: its own files, an entry here, a line in CMake.
#ifndef MILLRACE_ENGINE_HEADS_LIST_H_
#define MILLRACE_ENGINE_HEADS_LIST_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "engine/heads/head.h"
#include "engine/spec.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeHeads();

// Whether the head goes with the loss and with the inputs: direct features are of vectors, and a
// closed form is the least of one loss. `head` and `loss` are resolved. BAD_SPEC with a sentence.
absl::Status CheckHead(const PartSpec& head, const PartSpec& loss, bool byte_inputs);

// `part` is resolved.
template <typename T>
std::unique_ptr<Head<T>> MakeHead(const PartSpec& part, const HeadShape& shape);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_HEADS_LIST_H_
