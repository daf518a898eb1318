#include "server/security/authorize.h"

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "server/runtime.h"

namespace millrace::server {
namespace {

const char* NameOf(Verb verb) {
  switch (verb) {
    case Verb::kObserve:
      return "observe";
    case Verb::kLearn:
      return "learn";
    case Verb::kAdmin:
      return "admin";
  }
  return "";
}

}  // namespace

absl::Status NotAllowed(const std::string& principal, Verb verb, absl::string_view stream) {
  const std::string object =
      stream.empty() ? std::string("this server") : absl::StrCat("stream '", stream, "'");
  return engine::Error(
      absl::StatusCode::kPermissionDenied, kNotAllowed,
      absl::StrCat("principal '", principal, "' may not ", NameOf(verb), " on ", object,
                   "; ask its operator for the right"),
      {{"principal", principal}, {"verb", NameOf(verb)}, {"stream", std::string(stream)}});
}

absl::Status LocalAuthorizer::Authorize(const std::string& principal, Verb verb,
                                        absl::string_view stream) const {
  if (principal == kLocalPrincipal) return absl::OkStatus();
  return NotAllowed(principal, verb, stream);
}

std::string PrincipalOf(const grpc::ServerContextBase&) { return kLocalPrincipal; }

}  // namespace millrace::server
