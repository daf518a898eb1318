// Writer tokens: 64 random bits, never zero, so that an old writer never holds a new one's.
//
// Thread-safe.
#ifndef MILLRACE_SERVER_RUNTIME_TOKENS_H_
#define MILLRACE_SERVER_RUNTIME_TOKENS_H_

#include <cstdint>
#include <random>

namespace millrace::server {

inline std::uint64_t NewWriterToken() {
  thread_local std::random_device device;
  std::uint64_t token = 0;
  while (token == 0) token = (std::uint64_t{device()} << 32) | device();
  return token;
}

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_RUNTIME_TOKENS_H_
