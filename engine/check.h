// MILLRACE_CHECK: ends the process where an invariant of our own is broken. Never for input.
//
//   MILLRACE_CHECK(count > 0);
//   MILLRACE_CHECK(false);  // after a switch over every enumerator: control does not pass
//
// Thread-safe.
#ifndef MILLRACE_ENGINE_CHECK_H_
#define MILLRACE_ENGINE_CHECK_H_

#include <cstdio>
#include <cstdlib>

namespace millrace::engine::internal {

[[noreturn]] inline void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace millrace::engine::internal

#define MILLRACE_CHECK(condition) \
  (static_cast<bool>(condition)   \
       ? static_cast<void>(0)     \
       : ::millrace::engine::internal::CheckFailed(__FILE__, __LINE__, #condition))

#endif  // MILLRACE_ENGINE_CHECK_H_
