#include "server/services/learn_once.h"

#include <utility>

#include "server/services/learn_reactor.h"
#include "server/services/status_map.h"

namespace millrace::server {

LearnOnceReactor* LearnOnceReactor::Start(const Site& site, const std::string& principal,
                                          const v1::LearnRequest& request,
                                          v1::LearnReply* response) {
  const std::shared_ptr<LearnOnceReactor> call(new LearnOnceReactor(site, response));
  call->self_ = call;
  call->Begin(principal, request);
  return call.get();
}

void LearnOnceReactor::Begin(const std::string& principal, const v1::LearnRequest& request) {
  absl::Status status = site_.authorizer->Authorize(principal, Verb::kObserve, {});
  if (status.ok()) {
    status = site_.gate->Enter(CallKind::kUnary, nullptr);
    entered_ = status.ok();
  }
  if (status.ok() && request.parts_size() > site_.learn.most_parts) {
    status = TooManyParts(site_.learn.most_parts);
  }
  if (!status.ok() || request.parts().empty()) {
    FinishWith(status);
    return;
  }
  for (int i = 0; i < request.parts_size(); ++i) response_->add_parts();
  unanswered_parts_ = request.parts_size();
  for (int i = 0; i < request.parts_size(); ++i) Submit(principal, request.parts(i), i);
}

void LearnOnceReactor::Submit(const std::string& principal, const v1::LearnPart& part, int index) {
  const absl::Status status = AuthorizePart(*site_.authorizer, principal, part);
  if (!status.ok()) {
    Answered(index, RefusedPart(site_, part, status));
    return;
  }
  PartTask task;
  task.part = part;
  task.principal = principal;
  task.wanted = [call = self_] { return !call->cancelled_.load(std::memory_order_relaxed); };
  task.done = [call = self_, index](v1::LearnPartReply reply, bool /*more*/) {
    call->Answered(index, std::move(reply));
  };
  site_.runtime->Submit(std::move(task));
}

void LearnOnceReactor::Answered(int index, v1::LearnPartReply reply) {
  response_->mutable_parts(index)->Swap(&reply);
  if (--unanswered_parts_ == 0) FinishWith(absl::OkStatus());
}

void LearnOnceReactor::FinishWith(const absl::Status& status) {
  const grpc::Status answer = ToGrpcStatus(status);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start_;
  site_.metrics->RpcDone("Learning/LearnOnce", answer.error_code(), wall.count());
  Finish(answer);
}

void LearnOnceReactor::OnDone() {
  if (entered_) site_.gate->Leave(CallKind::kUnary, nullptr);
  const std::shared_ptr<LearnOnceReactor> last = std::move(self_);
}

}  // namespace millrace::server
