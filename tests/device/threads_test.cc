// Device code under real threads, which a GPU's are like in what matters here: each runs for itself
// what stands between two phases. The same bits as one thread after the other; built with
// ThreadSanitizer, no race.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/device/plan.h"
#include "gtest/gtest.h"
#include "tests/conformance/combinations.h"
#include "tests/conformance/playing.h"
#include "tests/device/host_device.h"

namespace millrace::device_testing {
namespace {

constexpr int kSteps = 4;

class DeviceThreads : public testing::Test {
 protected:
  static void SetUpTestSuite() { conformance::RunOn(engine::Device::kCuda); }
};

engine::Snapshot Played(const engine::ModelSpec& spec, const HostDevice::Limits& limits,
                        bool at_once) {
  HostDevice device(limits);
  if (at_once) device.backend().RunAtOnce();
  const std::shared_ptr<const engine::Model> model = conformance::MakeModel(spec);
  const std::unique_ptr<engine::Stream> stream = conformance::OpenStream(model);
  const conformance::Script script = conformance::MakeScript(*model, 5, kSteps);
  conformance::Player player(&script, stream.get());
  conformance::PlayOnStream(*model, 0, kSteps, 0, &player);
  EXPECT_GT(device.backend().launches(), 0);
  return stream->Save();
}

void ExpectTheSame(const engine::ModelSpec& spec, const HostDevice::Limits& limits = {}) {
  EXPECT_EQ(conformance::DifferingTensors(Played(spec, limits, true), Played(spec, limits, false)),
            "");
}

// Every part that device code has, at least once.
std::vector<conformance::Combination> EveryPart() {
  const HostDevice device;
  std::set<std::string> seen;
  std::vector<conformance::Combination> chosen;
  for (const conformance::Combination& combination : conformance::Combinations()) {
    const std::shared_ptr<const engine::Model> model = conformance::MakeModel(combination.spec);
    const engine::ModelSpec& spec = model->spec();
    if (!engine::DeviceCovers(spec, model->sizes().inputs)) continue;
    bool adds = false;
    for (const auto* part : {&spec.input, &spec.cell, &spec.head, &spec.loss, &spec.rule,
                             &spec.optimizer, &spec.target}) {
      adds = seen.insert(part->name).second || adds;
    }
    if (adds) chosen.push_back(combination);
  }
  return chosen;
}

TEST_F(DeviceThreads, HaveTheBitsOfOneAfterTheOther) {
  const std::vector<conformance::Combination> combinations = EveryPart();
  EXPECT_GT(combinations.size(), 10u);
  for (const conformance::Combination& combination : combinations) {
    SCOPED_TRACE(combination.name);
    ExpectTheSame(combination.spec);
  }
}

engine::ModelSpec Wide(const std::string& cell, std::int64_t units, const engine::PartSpec& rule) {
  engine::ModelSpec spec = conformance::BaseSpec();
  spec.device = engine::Device::kCuda;
  spec.number_type = engine::NumberType::kFloat32;
  spec.cell = {cell, {{"units", units}}};
  spec.rule = rule;
  return spec;
}

engine::PartSpec Full(const std::string& sensitivities) {
  return {"rtrl", {{"sensitivities", sensitivities}}};
}

// Tiles with the whole Jacobian, with pieces of it and through a mask.
TEST_F(DeviceThreads, HaveTheBitsOfOneAfterTheOtherInWideSweeps) {
  const engine::PartSpec ring{"sparse_rtrl",
                              {{"mask", std::string("ring")}, {"k", std::int64_t{4}}}};
  for (const engine::PartSpec& rule : {Full("full"), ring}) {
    SCOPED_TRACE(rule.name);
    const engine::ModelSpec spec = Wide("vanilla", 40, rule);
    ExpectTheSame(spec);
    ExpectTheSame(spec, {.shared_bytes = std::int64_t{26} << 10});
  }
}

TEST_F(DeviceThreads, HaveTheBitsOfOneAfterTheOtherOnMatrixUnitsAndInTwoBytes) {
  for (const char* const sensitivities : {"tf32x3", "bf16"}) {
    SCOPED_TRACE(sensitivities);
    ExpectTheSame(Wide("vanilla", 40, Full(sensitivities)));
  }
}

TEST_F(DeviceThreads, HaveTheBitsOfOneAfterTheOtherWhereManyBlocksShareASweep) {
  ExpectTheSame(Wide("lstm", 52, Full("full")), {.processors = 2});
}

}  // namespace
}  // namespace millrace::device_testing
