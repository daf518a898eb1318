#include "server/services/models_service.h"

namespace millrace::server {

using Reactor = ModelsService::Reactor;

Reactor* ModelsService::CreateModel(Context* context, const v1::CreateModelRequest* request,
                                    v1::Model* response) {
  return Answer(site_, context, {"Models/CreateModel", Verb::kAdmin, {}, {}}, response,
                [this, request] { return site_.runtime->CreateModel(*request); });
}

Reactor* ModelsService::GetModel(Context* context, const v1::GetModelRequest* request,
                                 v1::Model* response) {
  return Answer(site_, context, {"Models/GetModel", Verb::kObserve, {}, {}}, response,
                [this, request] { return site_.runtime->GetModel(request->name()); });
}

Reactor* ModelsService::ListModels(Context* context, const v1::ListModelsRequest* request,
                                   v1::ListModelsResponse* response) {
  return Answer(site_, context, {"Models/ListModels", Verb::kObserve, {}, {}}, response,
                [this, request] { return site_.runtime->ListModels(*request); });
}

Reactor* ModelsService::DeleteModel(Context* context, const v1::DeleteModelRequest* request,
                                    v1::DeleteModelResponse*) {
  return AnswerStatus(site_, context, {"Models/DeleteModel", Verb::kAdmin, {}, {}},
                      [this, request] { return site_.runtime->DeleteModel(*request); });
}

Reactor* ModelsService::DescribeParts(Context* context, const v1::DescribePartsRequest* request,
                                      v1::DescribePartsResponse* response) {
  return Answer(site_, context, {"Models/DescribeParts", Verb::kObserve, {}, {}}, response,
                [this, request] { return site_.runtime->DescribeParts(*request); });
}

}  // namespace millrace::server
