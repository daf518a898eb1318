#include "server/services/learning_service.h"

#include "server/services/learn_once.h"
#include "server/services/learn_reactor.h"

namespace millrace::server {

grpc::ServerBidiReactor<v1::LearnRequest, v1::LearnReply>* LearningService::Learn(
    Context* context) {
  return LearnReactor::Start(site_, PrincipalOf(*context), context);
}

grpc::ServerUnaryReactor* LearningService::LearnOnce(Context* context,
                                                     const v1::LearnRequest* request,
                                                     v1::LearnReply* response) {
  return LearnOnceReactor::Start(site_, PrincipalOf(*context), *request, response);
}

grpc::ServerUnaryReactor* LearningService::Peek(Context* context, const v1::PeekRequest* request,
                                                v1::PeekResponse* response) {
  return Answer(site_, context, {"Learning/Peek", Verb::kObserve, request->stream(), {}}, response,
                [this, request] { return site_.runtime->Peek(*request); });
}

}  // namespace millrace::server
