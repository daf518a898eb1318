// The list of losses. A new loss: its own files, an entry here, a line in CMake.
#ifndef MILLRACE_ENGINE_LOSSES_LIST_H_
#define MILLRACE_ENGINE_LOSSES_LIST_H_

#include <memory>
#include <vector>

#include "engine/losses/loss.h"
#include "engine/spec.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeLosses();

// `part` is resolved.
template <typename T>
std::unique_ptr<Loss<T>> MakeLoss(const PartSpec& part);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_LOSSES_LIST_H_
