#include "server/services/unary.h"

#include <chrono>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "server/log.h"
#include "server/services/status_map.h"

namespace millrace::server {
namespace {

// What is left to do with one call. Copied into the pool's queue.
class OpenCall {
 public:
  OpenCall(const Site& site, const Rpc& rpc, grpc::ServerUnaryReactor* reactor)
      : site_(&site), method_(rpc.method), reactor_(reactor), verb_(rpc.verb) {
    if (verb_ == Verb::kAdmin) stream_ = std::string(rpc.stream);
  }

  void Finish(const absl::Status& status) const {
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start_;
    const grpc::Status answer = ToGrpcStatus(status);
    site_->metrics->RpcDone(method_, answer.error_code(), wall.count());
    if (verb_ == Verb::kAdmin) {
      Log(Severity::kInfo, "admin",
          {{"method", method_},
           {"stream", stream_},
           {"status", status.ToString(absl::StatusToStringMode::kWithNoExtraData)}});
    }
    reactor_->Finish(answer);
  }

  void FinishAndLeave(const absl::Status& status) const {
    Finish(status);
    site_->gate->Leave(CallKind::kUnary, nullptr);
  }

 private:
  const Site* site_;
  const char* method_;
  grpc::ServerUnaryReactor* reactor_;
  Verb verb_;
  std::string stream_;  // of administrative calls, for the log
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

absl::Status AuthorizeRpc(const Site& site, const grpc::CallbackServerContext& context,
                          const Rpc& rpc) {
  const std::string principal = PrincipalOf(context);
  absl::Status status = site.authorizer->Authorize(principal, rpc.verb, rpc.stream);
  if (!status.ok() || rpc.other_stream.empty()) return status;
  return site.authorizer->Authorize(principal, rpc.verb, rpc.other_stream);
}

}  // namespace

absl::Status NotCarriedOut(const char* method) {
  return engine::Error(absl::StatusCode::kUnimplemented, engine::kNotCarriedOut,
                       absl::StrCat("millrace.v1.", method,
                                    " is part of the contract, and this release does not "
                                    "carry it out"),
                       {{"method", method}});
}

grpc::ServerUnaryReactor* AnswerStatus(const Site& site, grpc::CallbackServerContext* context,
                                       const Rpc& rpc, std::function<absl::Status()> work) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const OpenCall call(site, rpc, reactor);
  absl::Status status = site.gate->Enter(CallKind::kUnary, nullptr);
  if (!status.ok()) {
    call.Finish(status);
    return reactor;
  }
  status = AuthorizeRpc(site, *context, rpc);
  if (!status.ok()) {
    call.FinishAndLeave(status);
    return reactor;
  }
  site.pool->Post([call, work = std::move(work), deadline = context->deadline()] {
    const bool late = std::chrono::system_clock::now() > deadline;
    call.FinishAndLeave(late ? absl::DeadlineExceededError("the deadline passed before the call "
                                                           "was begun; nothing was done")
                             : work());
  });
  return reactor;
}

}  // namespace millrace::server
