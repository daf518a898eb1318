// What device code does not cover: it runs the generic path, and says so.

#include <memory>
#include <set>
#include <string>

#include "engine/device/plan.h"
#include "gtest/gtest.h"
#include "tests/conformance/combinations.h"
#include "tests/conformance/playing.h"
#include "tests/device/host_device.h"

namespace millrace::device_testing {
namespace {

engine::Snapshot Played(engine::ModelSpec spec, engine::Device device) {
  constexpr int kSteps = 28;
  spec.device = device;
  const std::shared_ptr<const engine::Model> model = conformance::MakeModel(spec);
  const std::unique_ptr<engine::Stream> stream = conformance::OpenStream(model);
  const conformance::Script script = conformance::MakeScript(*model, 3, kSteps);
  conformance::Player player(&script, stream.get());
  conformance::PlayOnStream(*model, 0, kSteps, 0, &player);
  EXPECT_EQ(model->numeric_path(), engine::NumericPath());
  return stream->Save();
}

TEST(DeviceCoverage, WhatIsNotCoveredRunsTheGenericPathWithTheBitsOfTheCpuAndSaysSo) {
  HostDevice device;
  std::set<std::string> parts;
  for (const conformance::Combination& combination : conformance::Combinations()) {
    const std::shared_ptr<const engine::Model> model = conformance::MakeModel(combination.spec);
    if (engine::DeviceCovers(model->spec(), model->sizes().inputs)) continue;
    SCOPED_TRACE(combination.name);
    const engine::PartSpec& rule = model->spec().rule;
    parts.insert(combination.spec.cell.name);
    parts.insert(rule.name == "sparse_rtrl" ? rule.name + " " + rule.Text("mask") : rule.name);
    const engine::Snapshot on_device = Played(combination.spec, engine::Device::kCuda);
    const engine::Snapshot on_cpu = Played(combination.spec, engine::Device::kCpu);
    EXPECT_EQ(conformance::DifferingTensors(on_device, on_cpu), "");
    EXPECT_EQ(on_device.numeric_path, engine::NumericPath());
  }
  EXPECT_EQ(device.backend().launches(), 0);
  for (const char* const part : {"rwkv", "sparse_rtrl random", "sparse_rtrl dynamic", "uoro"}) {
    EXPECT_EQ(parts.count(part), 1u) << part;
  }
}

}  // namespace
}  // namespace millrace::device_testing
