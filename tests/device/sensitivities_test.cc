// Sensitivities in numbers of fewer bits on a device: how much memory they take there, and that
// going on from a snapshot, from the host's memory or on the CPU loses none of their bits.

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/conformance/combinations.h"
#include "tests/conformance/correspondence.h"
#include "tests/conformance/playing.h"
#include "tests/device/host_device.h"

namespace millrace::device_testing {
namespace {

constexpr int kSteps = 28;

engine::ModelSpec Spec(const char* cell, const char* mask, const char* numbers) {
  engine::ModelSpec spec = conformance::BaseSpec();
  spec.cell = {cell, {{"units", std::int64_t{24}}}};
  spec.rule = {*mask == 0 ? "rtrl" : "sparse_rtrl", {{"sensitivities", std::string(numbers)}}};
  if (*mask != 0) spec.rule.settings["mask"] = std::string(mask);
  spec.number_type = engine::NumberType::kFloat32;
  spec.device = engine::Device::kCuda;
  return spec;
}

std::vector<engine::ModelSpec> Specs() {
  std::vector<engine::ModelSpec> specs;
  for (const char* const numbers : {"tf32x3", "tf32", "bf16"}) {
    specs.push_back(Spec("vanilla", "", numbers));
    specs.push_back(Spec("lstm", "", numbers));
    specs.push_back(Spec("vanilla", "ring", numbers));
    specs.push_back(Spec("lstm", "block", numbers));
  }
  return specs;
}

std::shared_ptr<const engine::Model> ModelOf(const engine::ModelSpec& spec) {
  absl::StatusOr<std::shared_ptr<const engine::Model>> model =
      engine::Model::Create("device", spec);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

std::string BytesOf(const engine::Snapshot& snapshot, const std::string& name) {
  for (const engine::NamedTensor& tensor : snapshot.tensors) {
    if (tensor.name == name) return tensor.bytes;
  }
  return "";
}

TEST(DeviceSensitivities, SomeStepsASnapshotAndTheRestAreOneRun) {
  HostDevice device;
  for (const engine::ModelSpec& spec : Specs()) {
    SCOPED_TRACE(engine::CanonicalText(*engine::Resolve(spec)));
    const std::shared_ptr<const engine::Model> model = ModelOf(spec);
    const conformance::Script script = conformance::MakeScript(*model, 5, kSteps);
    const std::unique_ptr<engine::Stream> whole = conformance::OpenStream(model);
    conformance::Player through(&script, whole.get());
    through.Observe(0, kSteps, 0);
    const std::unique_ptr<engine::Stream> first = conformance::OpenStream(model);
    conformance::Player before(&script, first.get());
    before.Observe(0, 9, 0);
    const engine::Snapshot cut = first->Save();
    const std::unique_ptr<engine::Stream> rest = conformance::LoadStream(model, cut);
    EXPECT_EQ(conformance::DifferingTensors(rest->Save(), cut), "");
    conformance::Player after(&script, rest.get());
    after.Observe(9, kSteps, 0);
    EXPECT_EQ(conformance::DifferingTensors(rest->Save(), whole->Save()), "");
  }
}

// From the device to the CPU and back, with a peek there so that the state goes up again.
TEST(DeviceSensitivities, MovingBetweenDevicesKeepsEveryBit) {
  HostDevice device;
  for (const engine::ModelSpec& spec : Specs()) {
    SCOPED_TRACE(engine::CanonicalText(*engine::Resolve(spec)));
    engine::ModelSpec on_cpu = spec;
    on_cpu.device = engine::Device::kCpu;
    const std::shared_ptr<const engine::Model> there = ModelOf(spec), here = ModelOf(on_cpu);
    const conformance::Script script = conformance::MakeScript(*there, 5, kSteps);
    const std::unique_ptr<engine::Stream> stream = conformance::OpenStream(there);
    conformance::Player player(&script, stream.get());
    player.Observe(0, kSteps, 0);
    engine::Snapshot snapshot = stream->Save();
    const std::string rule = BytesOf(snapshot, "learner.rule");
    EXPECT_NE(rule.find_first_not_of('\0'), std::string::npos);
    snapshot.model_digest = here->digest();
    engine::Snapshot moved = conformance::LoadStream(here, snapshot)->Save();
    EXPECT_EQ(BytesOf(moved, "learner.rule"), rule);
    moved.model_digest = there->digest();
    const std::unique_ptr<engine::Stream> back = conformance::LoadStream(there, moved);
    const std::vector<float> x(4, 0.5F);
    engine::Peek peek;
    peek.floats = x;
    engine::Outcome outcome;
    const std::int64_t launches = device.backend().launches();
    EXPECT_TRUE(back->PeekStep(peek, &outcome).ok());
    EXPECT_GT(device.backend().launches(), launches);
    EXPECT_EQ(BytesOf(back->Save(), "learner.rule"), rule);
  }
}

TEST(DeviceSensitivities, InBf16TakeHalfTheMemoryOfTheDevice) {
  const auto slot_bytes = [](const char* numbers, std::int64_t* rule_bytes) {
    HostDevice device;
    const std::shared_ptr<const engine::Model> model = ModelOf(Spec("lstm", "", numbers));
    const std::unique_ptr<engine::Stream> stream = conformance::OpenStream(model);
    const conformance::Script script = conformance::MakeScript(*model, 5, 2);
    conformance::Player player(&script, stream.get());
    player.Observe(0, 2, 0);
    *rule_bytes = static_cast<std::int64_t>(BytesOf(stream->Save(), "learner.rule").size());
    return device.memory().usage().slot_bytes;
  };
  std::int64_t full = 0, bf16 = 0;
  const std::int64_t saved = slot_bytes("full", &full) - slot_bytes("bf16", &bf16);
  EXPECT_EQ(full, bf16);
  EXPECT_NEAR(static_cast<double>(saved), static_cast<double>(full) / 2, 256);
}

}  // namespace
}  // namespace millrace::device_testing
