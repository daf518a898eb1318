#include "engine/model.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/input.h"
#include "engine/stream.h"
#include "engine/target.h"
#include "kernels/ops.h"

namespace millrace::engine {

std::string NumericPath() {
  return absl::StrCat("cpu-", kernels::kKernelRevision, kernels::Fused() ? "-fused" : "");
}

bool Model::byte_inputs() const { return spec_.input.name == "bytes"; }
bool Model::classification() const { return spec_.loss.name == "cross_entropy"; }

absl::StatusOr<std::shared_ptr<const Model>> Model::Create(std::string name,
                                                           const ModelSpec& spec) {
  absl::StatusOr<ModelSpec> resolved = Resolve(spec);
  if (!resolved.ok()) return resolved.status();
  std::shared_ptr<Model> model(new Model());
  model->name_ = std::move(name);
  model->spec_ = *std::move(resolved);
  model->digest_ = SpecDigest(model->spec_);

  const ModelSpec& own = model->spec_;
  ModelSizes& sizes = model->sizes_;
  sizes.inputs = InputStage(own.input).width();
  sizes.units = own.cell.Integer("units");
  sizes.outputs = own.head.Integer("outputs");
  sizes.window_steps = TargetSettings(own.target).window_steps;
  // One stream is opened and weighed: its parts know their own sizes. The pointer does not own.
  const std::shared_ptr<const Model> borrowed(std::shared_ptr<const Model>(), model.get());
  absl::StatusOr<std::unique_ptr<Stream>> probe =
      Stream::Open(borrowed, "probe", {.weighed_only = true});
  if (!probe.ok()) return probe.status();
  sizes.stream_bytes = (*probe)->ResidentBytes();
  sizes.parameters = (*probe)->Layout().size();
  sizes.step_bytes = (*probe)->WindowRowBytes();
  model->numeric_path_ = (*probe)->numeric_path();
  return std::shared_ptr<const Model>(std::move(model));
}

}  // namespace millrace::engine
