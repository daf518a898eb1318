// Writes what the rivals start from and where the engine ends.
//
//   same_start_bench RULE UNITS STEPS corrected|uncorrected FILE
//
// A vanilla net with 40 inputs and 4 outputs learns a random sequence (RULE: immediate, ring,
// rtrl). FILE gets, in float32: the weights before [p], inputs [T, 40], targets [T, 4], and the
// weights after [p].

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/model.h"
#include "engine/stream.h"
#include "tests/bench/played_stream.h"

namespace millrace::bench {
namespace {

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "same_start_bench: %s\n", what.c_str());
  std::exit(1);
}

std::unique_ptr<engine::Stream> OpenStream(const std::string& rule, std::int64_t units,
                                           bool uncorrected) {
  engine::ModelSpec spec;
  spec.input = {"vector", {{"size", kInputs}}};
  spec.cell = {"vanilla", {{"units", units}}};
  spec.head = {"linear", {{"outputs", kOutputs}, {"gain", 1.0}}};
  spec.loss = {"mean_squared_error", {}};
  spec.rule = RulePart(rule);
  // An epsilon so small that it does not matter whether a rival adds it under the root.
  spec.optimizer = {"rmsprop", {{"rate", 1e-3}, {"epsilon", 1e-12}, {"uncorrected", uncorrected}}};
  auto model = engine::Model::Create("start", spec);
  if (!model.ok()) Die(model.status().ToString());
  auto stream = engine::Stream::Open(*model, "start", {.seed = 1, .overrides = {}});
  if (!stream.ok()) Die(stream.status().ToString());
  return *std::move(stream);
}

std::vector<float> Weights(const engine::Stream& stream) {
  for (const engine::NamedTensor& tensor : stream.Save().tensors) {
    if (tensor.name != "learner.weights") continue;
    std::vector<float> values(tensor.bytes.size() / sizeof(float));
    std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
    return values;
  }
  Die("the snapshot has no weights");
}

void Write(const std::vector<float>& values, std::FILE* file) {
  if (std::fwrite(values.data(), sizeof(float), values.size(), file) != values.size()) {
    Die("the file cannot be written");
  }
}

void Run(const std::string& rule, std::int64_t units, std::int64_t steps, bool uncorrected,
         const char* path) {
  const std::unique_ptr<engine::Stream> stream = OpenStream(rule, units, uncorrected);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> inputs(static_cast<std::size_t>(steps * kInputs));
  std::vector<float> targets(static_cast<std::size_t>(steps * kOutputs));
  for (float& value : inputs) value = normal(random);
  for (float& value : targets) value = normal(random);
  engine::Observe event;
  event.first_seq = 1;
  event.floats = inputs;
  event.targets.emplace().steps = static_cast<std::uint32_t>(steps);
  event.targets->values = targets;

  std::FILE* const file = std::fopen(path, "wb");
  if (file == nullptr) Die("the file cannot be opened");
  Write(Weights(*stream), file);
  Write(inputs, file);
  Write(targets, file);
  const engine::Event observed = event;
  if (const absl::Status status = stream->Check(observed); !status.ok()) Die(status.ToString());
  engine::Outcome outcome;
  stream->Apply(observed, {}, &outcome);
  Write(Weights(*stream), file);
  if (std::fclose(file) != 0) Die("the file cannot be written");
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
  if (argc != 6)
    millrace::bench::Die("usage: same_start_bench RULE UNITS STEPS corrected|uncorrected FILE");
  millrace::bench::Run(argv[1], std::atoi(argv[2]), std::atoi(argv[3]),
                       std::string(argv[4]) == "uncorrected", argv[5]);
  return 0;
}
