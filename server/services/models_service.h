// millrace.v1.Models over the runtime. Thread-safe.
#ifndef MILLRACE_SERVER_SERVICES_MODELS_SERVICE_H_
#define MILLRACE_SERVER_SERVICES_MODELS_SERVICE_H_

#include "millrace/v1/model.grpc.pb.h"
#include "server/services/unary.h"

namespace millrace::server {

class ModelsService final : public v1::Models::CallbackService {
 public:
  explicit ModelsService(const Site& site) : site_(site) {}

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* CreateModel(Context* context, const v1::CreateModelRequest* request,
                       v1::Model* response) override;
  Reactor* GetModel(Context* context, const v1::GetModelRequest* request,
                    v1::Model* response) override;
  Reactor* ListModels(Context* context, const v1::ListModelsRequest* request,
                      v1::ListModelsResponse* response) override;
  Reactor* DeleteModel(Context* context, const v1::DeleteModelRequest* request,
                       v1::DeleteModelResponse* response) override;
  Reactor* DescribeParts(Context* context, const v1::DescribePartsRequest* request,
                         v1::DescribePartsResponse* response) override;

 private:
  const Site site_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_SERVICES_MODELS_SERVICE_H_
