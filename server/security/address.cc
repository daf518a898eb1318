#include "server/security/address.h"

#include <arpa/inet.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace millrace::server {
namespace {

absl::Status Malformed(const std::string& text, const char* what) {
  return absl::InvalidArgumentError(absl::StrCat("'", text, "', which ", what,
                                                 "; expected HOST:PORT, e.g. 127.0.0.1:7070 or "
                                                 "[::1]:7070, with a port from 0 to 65535"));
}

}  // namespace

absl::StatusOr<Address> ParseAddress(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return Malformed(text, "has no port");
  Address address;
  address.host = text.substr(0, colon);
  const bool bracketed = absl::StartsWith(address.host, "[") && absl::EndsWith(address.host, "]");
  if (bracketed) {
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (absl::StrContains(address.host, ':')) {
    return Malformed(text, "has an IPv6 host without brackets");
  }
  if (address.host.empty()) return Malformed(text, "has no host");
  if (!absl::SimpleAtoi(text.substr(colon + 1), &address.port) || address.port < 0 ||
      address.port > 65535) {
    return Malformed(text, "has no valid port");
  }
  return address;
}

bool IsLoopback(const Address& address) {
  if (address.host == "localhost") return true;
  in_addr ipv4{};
  if (inet_pton(AF_INET, address.host.c_str(), &ipv4) == 1) {
    return (ntohl(ipv4.s_addr) >> 24) == 127;
  }
  in6_addr ipv6{};
  return inet_pton(AF_INET6, address.host.c_str(), &ipv6) == 1 && IN6_IS_ADDR_LOOPBACK(&ipv6);
}

std::string ToText(const Address& address) {
  const bool brackets = absl::StrContains(address.host, ':');
  return absl::StrCat(brackets ? "[" : "", address.host, brackets ? "]:" : ":", address.port);
}

}  // namespace millrace::server
