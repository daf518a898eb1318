// The errors of the runtime's own: sentences and reasons (server/runtime.h), and the rule for
// names.
//
// Thread-safe: pure functions.
#ifndef MILLRACE_SERVER_RUNTIME_FAULTS_H_
#define MILLRACE_SERVER_RUNTIME_FAULTS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace millrace::server {

// BAD_NAME unless [A-Za-z0-9._-]{1,128}. `what`: "model", "stream".
absl::Status CheckName(absl::string_view what, absl::string_view name);

absl::Status NoModel(absl::string_view name);
absl::Status NoStream(absl::string_view id);
absl::Status Exists(absl::string_view what, absl::string_view name, absl::string_view remedy);
absl::Status StreamClosed(absl::string_view id);
absl::Status Draining();
absl::Status LimitReached(absl::string_view what, std::int64_t limit, absl::string_view flag);
absl::Status Lost(absl::string_view id, std::uint64_t claimed_seq, std::uint64_t durable_seq);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_RUNTIME_FAULTS_H_
