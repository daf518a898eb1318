// One unary RPC: let in, authorise, do the work on the pool, answer, count.
//
//   return Answer(site_, context, {"Streams/GetStream", Verb::kObserve, request->id()}, response,
//                 [this, request] { return site_.runtime->GetStream(*request); });
//
// Request and response live until the answer was sent (gRPC's promise). A call whose deadline
// passed while it waited for a thread is not carried out.
#ifndef MILLRACE_SERVER_SERVICES_UNARY_H_
#define MILLRACE_SERVER_SERVICES_UNARY_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/metrics/metrics.h"
#include "server/runtime.h"
#include "server/security/authorize.h"
#include "server/services/call_gate.h"
#include "server/services/call_pool.h"

namespace millrace::server {

// Bounds of Learn calls, from the configuration.
struct LearnLimits {
  std::int64_t budget_bytes = 16 << 20;  // of unanswered parts and unsent replies of a call
  std::int64_t merge_bytes = 1 << 20;    // up to which replies share a message
  std::int64_t most_parts = 65536;       // of a message
};

// What every service works with. All outlive the server.
struct Site {
  Runtime* runtime = nullptr;
  const Authorizer* authorizer = nullptr;
  ServerMetrics* metrics = nullptr;
  CallGate* gate = nullptr;
  CallPool* pool = nullptr;
  LearnLimits learn;
};

struct Rpc {
  const char* method;  // "Service/Method"
  Verb verb;
  absl::string_view stream;        // empty: none in particular
  absl::string_view other_stream;  // of calls about two
};

// UNIMPLEMENTED (NOT_CARRIED_OUT) for a method of the contract.
absl::Status NotCarriedOut(const char* method);

grpc::ServerUnaryReactor* AnswerStatus(const Site& site, grpc::CallbackServerContext* context,
                                       const Rpc& rpc, std::function<absl::Status()> work);

template <typename Response, typename Work>
grpc::ServerUnaryReactor* Answer(const Site& site, grpc::CallbackServerContext* context,
                                 const Rpc& rpc, Response* response, Work work) {
  return AnswerStatus(site, context, rpc, [response, work = std::move(work)] {
    absl::StatusOr<Response> answer = work();
    if (!answer.ok()) return answer.status();
    *response = *std::move(answer);
    return absl::OkStatus();
  });
}

// A streaming call that is refused before it begins.
template <typename Reactor>
class RefusedCall final : public Reactor {
 public:
  explicit RefusedCall(const grpc::Status& status) { this->Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_SERVICES_UNARY_H_
