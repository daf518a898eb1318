// Who may do what: the one seam that every RPC and every part of a Learn message passes.
//
// Until there are tokens with roles the only principal is "local", and it may do everything; a
// client certificate that mutual TLS let in is "local" too.
// Thread-safe. Called for every part: no locks, nothing allocated where it says yes.
#ifndef MILLRACE_SERVER_SECURITY_AUTHORIZE_H_
#define MILLRACE_SERVER_SECURITY_AUTHORIZE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace grpc {
class ServerContextBase;
}

namespace millrace::server {

// observe: read, attach, push observations. learn: give targets, settle, reset within a call.
// admin: change models and streams.
enum class Verb { kObserve, kLearn, kAdmin };

inline constexpr char kLocalPrincipal[] = "local";

class Authorizer {
 public:
  virtual ~Authorizer() = default;

  // `stream` is empty for calls about models or about many streams. PERMISSION_DENIED
  // (NOT_ALLOWED) with a sentence where it says no.
  virtual absl::Status Authorize(const std::string& principal, Verb verb,
                                 absl::string_view stream) const = 0;
};

// Lets in kLocalPrincipal and nobody else.
class LocalAuthorizer final : public Authorizer {
 public:
  absl::Status Authorize(const std::string& principal, Verb verb,
                         absl::string_view stream) const override;
};

// The refusal, for authorizers: NOT_ALLOWED with principal, verb and stream as metadata.
absl::Status NotAllowed(const std::string& principal, Verb verb, absl::string_view stream);

// Who is calling.
std::string PrincipalOf(const grpc::ServerContextBase& context);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_SECURITY_AUTHORIZE_H_
