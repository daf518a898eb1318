// Sizes of the pages that lists come in. Thread-safe: a pure function.
#ifndef MILLRACE_SERVER_RUNTIME_PAGES_H_
#define MILLRACE_SERVER_RUNTIME_PAGES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace millrace::server {

// As asked for: 0 or less means 100; at most 1000.
inline std::size_t PageSize(std::int32_t asked) {
  return asked <= 0 ? 100 : static_cast<std::size_t>(std::min(asked, 1000));
}

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_RUNTIME_PAGES_H_
