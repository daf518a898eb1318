// LearnOnce: one message of Learn as a unary call. Faults of parts are in the reply, which has one
// reply part for each request part, in the request's order.
//
// Nothing blocks: the runtime's last answer ends the call. A cancelled call's parts that are not
// journalled yet are dropped. Thread-safe.
#ifndef MILLRACE_SERVER_SERVICES_LEARN_ONCE_H_
#define MILLRACE_SERVER_SERVICES_LEARN_ONCE_H_

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "millrace/v1/learn.pb.h"
#include "server/services/unary.h"

namespace millrace::server {

class LearnOnceReactor final : public grpc::ServerUnaryReactor,
                               public std::enable_shared_from_this<LearnOnceReactor> {
 public:
  // Request and response live until the answer was sent.
  static LearnOnceReactor* Start(const Site& site, const std::string& principal,
                                 const v1::LearnRequest& request, v1::LearnReply* response);

  void OnCancel() override { cancelled_ = true; }
  void OnDone() override;

 private:
  LearnOnceReactor(const Site& site, v1::LearnReply* response) : site_(site), response_(response) {}
  void Begin(const std::string& principal, const v1::LearnRequest& request);
  void Submit(const std::string& principal, const v1::LearnPart& part, int index);
  void Answered(int index, v1::LearnPartReply reply);
  void FinishWith(const absl::Status& status);

  const Site site_;
  v1::LearnReply* const response_;
  std::shared_ptr<LearnOnceReactor> self_;
  bool entered_ = false;
  std::atomic<bool> cancelled_{false};
  // Each answer writes its own part; the last one finishes.
  std::atomic<int> unanswered_parts_{0};
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_SERVICES_LEARN_ONCE_H_
