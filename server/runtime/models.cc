// Models: made, listed, deleted.

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "google/protobuf/util/time_util.h"
#include "server/convert/parts.h"
#include "server/convert/spec.h"
#include "server/runtime/faults.h"
#include "server/runtime/impl.h"
#include "server/runtime/pages.h"

namespace millrace::server {
namespace {

v1::Model ModelToWire(const engine::Model& model, absl::Time created) {
  v1::Model wire;
  wire.set_name(model.name());
  *wire.mutable_spec() = ToWire(model.spec());
  wire.set_spec_digest(model.digest());
  *wire.mutable_create_time() =
      google::protobuf::util::TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(created));
  wire.set_parameter_count(model.sizes().parameters);
  wire.set_stream_bytes(model.sizes().stream_bytes);
  return wire;
}

}  // namespace

absl::StatusOr<v1::Model> RuntimeImpl::CreateModel(const v1::CreateModelRequest& request) {
  if (draining_) return Draining();
  if (absl::Status status = CheckName("model", request.name()); !status.ok()) return status;
  const auto act = [&](const RequestKey& key) -> absl::StatusOr<v1::Model> {
    const auto spec = FromWire(request.spec());
    if (!spec.ok()) return spec.status();
    auto model = engine::Model::Create(request.name(), *spec);
    if (!model.ok()) return model.status();
    const v1::Model wire = ModelToWire(**model, environment_->Now());
    absl::Status status = table_.AddModel({*std::move(model), wire}, [&] {
      Batch batch = store_->NewBatch();
      store_->PutModel(wire, &batch);
      requests_.Record(key, &batch);
      store_->Commit(std::move(batch), /*sync=*/true);
    });
    if (!status.ok()) return status;
    return wire;
  };
  return Once<v1::Model>(&requests_, "CreateModel", request, act,
                         [&] { return GetModel(request.name()); });
}

absl::StatusOr<v1::Model> RuntimeImpl::GetModel(const std::string& name) {
  if (absl::Status status = CheckName("model", name); !status.ok()) return status;
  auto model = table_.Model(name);
  if (!model.ok()) return model.status();
  return std::move(model->wire);
}

absl::StatusOr<v1::ListModelsResponse> RuntimeImpl::ListModels(
    const v1::ListModelsRequest& request) {
  const std::size_t size = PageSize(request.page_size());
  std::vector<v1::Model> models = table_.Models(request.page_token(), size + 1);
  v1::ListModelsResponse response;
  if (models.size() > size) {
    models.pop_back();
    response.set_next_page_token(models.back().name());
  }
  for (v1::Model& model : models) *response.add_models() = std::move(model);
  return response;
}

absl::Status RuntimeImpl::DeleteModel(const v1::DeleteModelRequest& request) {
  if (draining_) return Draining();
  if (absl::Status status = CheckName("model", request.name()); !status.ok()) return status;
  const auto act = [&](const RequestKey& key) -> absl::StatusOr<v1::DeleteModelResponse> {
    absl::Status status = table_.RemoveModel(request.name(), [&] {
      Batch batch = store_->NewBatch();
      store_->DeleteModel(request.name(), &batch);
      requests_.Record(key, &batch);
      store_->Commit(std::move(batch), /*sync=*/true);
    });
    if (!status.ok()) return status;
    return v1::DeleteModelResponse();
  };
  return Once<v1::DeleteModelResponse>(
             &requests_, "DeleteModel", request, act,
             []() -> absl::StatusOr<v1::DeleteModelResponse> { return v1::DeleteModelResponse(); })
      .status();
}

absl::StatusOr<v1::DescribePartsResponse> RuntimeImpl::DescribeParts(
    const v1::DescribePartsRequest& request) {
  v1::DescribePartsResponse response;
  for (const engine::PartDescription& part : engine::DescribeParts(request.kind())) {
    *response.add_parts() = ToWire(part);
  }
  return response;
}

}  // namespace millrace::server
