// HOST:PORT as flags give it: "127.0.0.1:7070", "[::1]:0", "localhost:7070".
//
// Thread-safe: pure functions; no name is resolved.
#ifndef MILLRACE_SERVER_SECURITY_ADDRESS_H_
#define MILLRACE_SERVER_SECURITY_ADDRESS_H_

#include <string>

#include "absl/status/statusor.h"

namespace millrace::server {

struct Address {
  std::string host;  // without brackets
  int port = 0;
};

// INVALID_ARGUMENT: "'x' is ...; expected HOST:PORT".
absl::StatusOr<Address> ParseAddress(const std::string& text);

// 127.0.0.0/8, ::1 and "localhost". Anything else, wildcards and other names included, is not.
bool IsLoopback(const Address& address);

// "HOST:PORT", with brackets around IPv6.
std::string ToText(const Address& address);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_SECURITY_ADDRESS_H_
