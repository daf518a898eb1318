// MILLRACE_CHECK: ends the process where an invariant of our own is broken. Never for input.
#ifndef MILLRACE_ENGINE_CHECK_H_
#define MILLRACE_ENGINE_CHECK_H_

#include <cstdio>
#include <cstdlib>

#define MILLRACE_CHECK(condition)                                                            \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition);     \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)

#endif  // MILLRACE_ENGINE_CHECK_H_
