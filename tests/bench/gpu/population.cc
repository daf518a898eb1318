#include "tests/bench/gpu/population.h"

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <variant>

#include "tests/bench/played_stream.h"

namespace millrace::bench {
namespace {

engine::ModelSpec SpecOf(const PopulationShape& shape) {
  engine::ModelSpec spec;
  spec.input = {"vector", {{"size", shape.inputs}}};
  spec.cell = {shape.cell, {{"units", shape.units}}};
  spec.head = {"linear", {{"outputs", shape.outputs}}};
  spec.loss = {"mean_squared_error", {}};
  spec.rule = RulePart(shape.rule);
  if (shape.sensitivities != "full") spec.rule.settings["sensitivities"] = shape.sensitivities;
  spec.optimizer = {"rmsprop", {{"rate", 1e-4}}};
  spec.device = engine::Device::kCuda;
  return spec;
}

std::shared_ptr<const engine::Model> ModelOf(const PopulationShape& shape) {
  auto model = engine::Model::Create("bench", SpecOf(shape));
  if (!model.ok()) Die(model.status().ToString());
  return *std::move(model);
}

std::vector<float> Normal(std::int64_t count) {
  std::minstd_rand random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

}  // namespace

engine::ModelSpec ResolvedSpec(const PopulationShape& shape) {
  engine::ModelSpec asked = SpecOf(shape);
  asked.device = engine::Device::kCpu;  // no device is looked for
  auto spec = engine::Resolve(asked);
  if (!spec.ok()) Die(spec.status().ToString());
  return *std::move(spec);
}

void Die(const std::string& sentence) {
  std::fprintf(stderr, "gpu_bench: %s\n", sentence.c_str());
  std::exit(1);
}

Population::Population(const PopulationShape& shape, engine::Workers* workers)
    : shape_(shape),
      workers_(workers),
      floats_(Normal(shape.streams * shape.steps * shape.inputs)),
      targets_(Normal(shape.streams * shape.steps * shape.outputs)) {
  const std::shared_ptr<const engine::Model> model = ModelOf(shape);
  const auto count = static_cast<std::size_t>(shape.streams);
  const auto row = static_cast<std::size_t>(shape.steps * shape.inputs);
  const auto target_row = static_cast<std::size_t>(shape.steps * shape.outputs);
  streams_.resize(count);
  engine::ForEach(count, 1, workers, [&](std::size_t i) {
    auto stream = engine::Stream::Open(model, "s" + std::to_string(i), {.seed = i + 1});
    if (!stream.ok()) Die(stream.status().ToString());
    streams_[i] = *std::move(stream);
  });
  events_.resize(count);
  outcomes_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    engine::Observe observe;
    observe.floats = absl::MakeConstSpan(floats_).subspan(i * row, row);
    observe.targets.emplace().values =
        absl::MakeConstSpan(targets_).subspan(i * target_row, target_row);
    events_[i] = observe;
    applications_.push_back({streams_[i].get(), &events_[i], {}, &outcomes_[i]});
  }
}

bool Population::Play() {
  std::atomic<bool> accepted = true;
  engine::ForEach(streams_.size(), 16, workers_, [&](std::size_t i) {
    std::get<engine::Observe>(events_[i]).first_seq = streams_[i]->applied_seq() + 1;
    if (!streams_[i]->Check(events_[i]).ok()) accepted = false;
  });
  if (!accepted) return false;
  engine::ApplyTogether(applications_, workers_);
  return true;
}

bool Population::Sound() const {
  for (const std::unique_ptr<engine::Stream>& stream : streams_) {
    if (stream->Stats().refused_updates != 0) return false;
  }
  return true;
}

std::int64_t Population::touched_bytes() const {
  const engine::StreamBytes bytes = streams_.front()->BytesByKind();
  // RMSprop has one slot, and two are counted where an optimizer may have them.
  return 2 * bytes.weights + bytes.sensitivities / (shape_.sensitivities == "bf16" ? 2 : 1);
}

std::int64_t Population::sensitivity_numbers() const {
  return streams_.front()->BytesByKind().sensitivities / static_cast<std::int64_t>(sizeof(float));
}

}  // namespace millrace::bench
