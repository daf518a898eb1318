#include "engine/diagnostics/singular_values.h"

#include <dlfcn.h>

namespace millrace::engine {
namespace {

using Function = decltype(&MillraceSingularValues);

Function Load() {
  void* const library = dlopen("libmillrace_singular_values.so", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return nullptr;
  return reinterpret_cast<Function>(dlsym(library, "MillraceSingularValues"));
}

}  // namespace

bool SingularValues(const double* matrices, std::int64_t count, std::int64_t size, double* values) {
  static const Function function = Load();
  return function != nullptr && function(matrices, count, size, values);
}

}  // namespace millrace::engine
