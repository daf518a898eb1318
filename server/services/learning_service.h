// millrace.v1.Learning over the runtime. Thread-safe.
#ifndef MILLRACE_SERVER_SERVICES_LEARNING_SERVICE_H_
#define MILLRACE_SERVER_SERVICES_LEARNING_SERVICE_H_

#include "millrace/v1/learn.grpc.pb.h"
#include "server/services/unary.h"

namespace millrace::server {

class LearningService final : public v1::Learning::CallbackService {
 public:
  explicit LearningService(const Site& site) : site_(site) {}

  using Context = grpc::CallbackServerContext;

  grpc::ServerBidiReactor<v1::LearnRequest, v1::LearnReply>* Learn(Context* context) override;
  grpc::ServerUnaryReactor* LearnOnce(Context* context, const v1::LearnRequest* request,
                                      v1::LearnReply* response) override;
  grpc::ServerUnaryReactor* Peek(Context* context, const v1::PeekRequest* request,
                                 v1::PeekResponse* response) override;

 private:
  const Site site_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_SERVICES_LEARNING_SERVICE_H_
