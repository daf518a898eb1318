// Arrays that stay in shared memory over the rows of a message: not a bit depends on it.

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "engine/device/plan.h"
#include "engine/network.h"
#include "gtest/gtest.h"
#include "tests/conformance/combinations.h"
#include "tests/conformance/playing.h"
#include "tests/device/host_device.h"

namespace millrace::device_testing {
namespace {

using conformance::Combination;
using engine::Snapshot;

constexpr std::int64_t kKilobyte = 1024;

struct Played {
  std::vector<Snapshot> snapshots;
  std::int64_t launches = 0, resident = 0;
};

// The script's steps from `from` on that have targets get one whose gradient is infinite, until one
// has.
void SpoilOne(int from, conformance::Script* script) {
  for (std::size_t t = static_cast<std::size_t>(from); t < script->steps.size(); ++t) {
    for (float& value : script->steps[t].values) {
      if (value == value) value = std::numeric_limits<float>::max();
    }
    if (!script->steps[t].values.empty()) return;
  }
}

// Snapshots after half of the steps and at the end.
Played Play(const engine::ModelSpec& spec, const HostDevice::Limits& limits, int per_message,
            bool spoilt = false) {
  constexpr int kSteps = 98;
  HostDevice device(limits, HostDevice::Order::kInterleaved);
  const std::shared_ptr<const engine::Model> model = conformance::MakeModel(spec);
  std::unique_ptr<engine::Stream> stream = conformance::OpenStream(model);
  conformance::Script script = conformance::MakeScript(*model, 5, kSteps);
  if (spoilt) SpoilOne(kSteps / 3, &script);
  conformance::Player player(&script, stream.get());
  Played played;
  for (const int from : {0, kSteps / 2}) {
    conformance::PlayOnStream(*model, from, from + kSteps / 2, per_message, &player);
    played.snapshots.push_back(stream->Save());
  }
  EXPECT_EQ(stream->Stats().divergences > 0, spoilt);
  played.launches = device.backend().launches();
  played.resident = device.backend().resident_launches();
  return played;
}

std::string Differing(const Played& a, const Played& b) {
  return conformance::DifferingTensors(a.snapshots[0], b.snapshots[0]) +
         conformance::DifferingTensors(a.snapshots[1], b.snapshots[1]);
}

HostDevice::Limits With(std::int64_t shared_bytes) {
  return {.shared_bytes = shared_bytes, .paired_shared_bytes = shared_bytes / 2};
}
HostDevice::Limits Without(std::int64_t shared_bytes) {
  HostDevice::Limits limits = With(shared_bytes);
  limits.keeps_residency = false;
  return limits;
}

engine::ModelSpec Sized(const std::string& cell, std::int64_t units, const engine::PartSpec& rule) {
  engine::ModelSpec spec = conformance::BaseSpec();
  spec.cell = {cell, {{"units", units}}};
  spec.rule = rule;
  spec.number_type = engine::NumberType::kFloat32;
  spec.guard.settings["good_every"] = std::int64_t{10};
  spec.device = engine::Device::kCuda;
  return spec;
}

constexpr std::size_t kParts = 4;
class ResidentOfPart : public testing::TestWithParam<std::size_t> {};

TEST_P(ResidentOfPart, EveryCombinationHasTheBitsThatItHasWithoutIt) {
  std::int64_t resident = 0;
  for (std::size_t i = GetParam(); i < conformance::Combinations().size(); i += kParts) {
    const Combination& combination = conformance::Combinations()[i];
    const auto model = conformance::MakeModel(combination.spec);
    if (!engine::DeviceCovers(model->spec(), model->sizes().inputs)) continue;
    SCOPED_TRACE(combination.name);
    const Played with = Play(combination.spec, With(160 * kKilobyte), 13);
    const Played without = Play(combination.spec, Without(160 * kKilobyte), 13);
    EXPECT_EQ(Differing(with, without), "");
    EXPECT_EQ(without.resident, 0);
    EXPECT_EQ(with.launches, without.launches);
    resident += with.resident;
  }
  EXPECT_GT(resident, 0);
}

INSTANTIATE_TEST_SUITE_P(All, ResidentOfPart, testing::Range(std::size_t{0}, kParts));

std::vector<engine::ModelSpec> Models() {
  const engine::PartSpec block{"sparse_rtrl",
                               {{"mask", std::string("block")}, {"k", std::int64_t{4}}}};
  std::vector<engine::ModelSpec> models = {Sized("vanilla", 33, {"immediate", {}}),
                                           Sized("gru", 20, {"snap1", {}}),
                                           Sized("vanilla", 12, {"rtrl", {}}),
                                           Sized("lru", 16, {"rtrl", {}}),
                                           Sized("lstm", 24, block),
                                           Sized("vanilla", 40, {"rtrl", {}})};
  models[1].optimizer = {"adam", {}};
  models[0].number_type = engine::NumberType::kFloat64;
  return models;
}

TEST(Resident, NeitherTheLengthOfMessagesNorTheAmountOfSharedMemoryChangesABit) {
  for (const engine::ModelSpec& spec : Models()) {
    SCOPED_TRACE(spec.cell.name + " " + spec.rule.name);
    for (const std::int64_t kilobytes : {28, 64, 160}) {
      const Played once = Play(spec, Without(kilobytes * kKilobyte), 1);
      EXPECT_EQ(once.resident, 0);
      for (const int per_message : {1, 3, 4, 13, 49}) {
        const Played with = Play(spec, With(kilobytes * kKilobyte), per_message);
        EXPECT_EQ(Differing(with, once), "") << kilobytes << " KB, " << per_message << " a message";
        EXPECT_LE(with.resident, with.launches);
        // One row is not worth it.
        const bool sure = per_message < 4 || kilobytes >= 160;
        EXPECT_EQ(sure && with.resident > 0, sure && per_message >= 4);
      }
    }
  }
}

TEST(Resident, AStreamThatDivergesGoesOnWithTheSameBitsWhateverIsDoneAboutIt) {
  for (engine::ModelSpec spec : Models()) {
    spec.number_type = engine::NumberType::kFloat32;
    for (const char* const policy : {"restore", "skip"}) {
      SCOPED_TRACE(spec.cell.name + " " + spec.rule.name + " " + policy);
      spec.guard.settings["on_divergence"] = std::string(policy);
      const Played without = Play(spec, Without(160 * kKilobyte), 35, true);
      const Played with = Play(spec, With(160 * kKilobyte), 35, true);
      EXPECT_EQ(Differing(with, without), "");
      EXPECT_GT(with.resident, 0);
    }
  }
}

// What a plan keeps of these amounts.
kernels::device::Plan<float> PlanOf(const engine::ModelSpec& spec, std::int64_t alone,
                                    std::int64_t paired) {
  engine::ModelSpec on_cpu = spec;
  on_cpu.device = engine::Device::kCpu;
  const auto model = conformance::MakeModel(on_cpu);
  const engine::Network<float> network(model->spec(), model->sizes().inputs);
  const kernels::testing::HostBackend backend(
      {.shared_bytes = alone, .paired_shared_bytes = paired}, HostDevice::Order::kRising);
  return engine::DevicePlan<float>(model->spec(), network, backend).plan();
}

TEST(Resident, ASecondBlockIsGivenUpWhereEverythingFitsInsteadAndOnlyThen) {
  const engine::ModelSpec spec = Sized("vanilla", 64, {"immediate", {}});
  const auto bytes_of = [&](std::int64_t alone, std::int64_t paired) {
    return PlanOf(spec, alone, paired).residency.shared_bytes;
  };
  const std::int64_t everything = bytes_of(1 << 20, 1 << 20);
  EXPECT_GT(everything, 2 * 64 * 69 * 4);
  // Beside a second block, alone, and in part.
  EXPECT_EQ(bytes_of(everything, everything), everything);
  EXPECT_EQ(bytes_of(everything, everything / 2), everything);
  const std::int64_t part = bytes_of(everything - 16, everything / 2);
  EXPECT_LE(part, everything / 2);
  const kernels::device::Plan<float> small = PlanOf(spec, everything - 16, everything / 2);
  EXPECT_GE(small.residency.hidden.at, small.shared_bytes);
  EXPECT_EQ(small.residency.slot2.at, -1);
}

TEST(Resident, ArraysNeitherOverlapNorLieAskew) {
  using kernels::device::Residency;
  using kernels::device::Resident;
  for (const engine::ModelSpec& spec : Models()) {
    const kernels::device::Plan<float> plan = PlanOf(spec, 227 * kKilobyte, 100 * kKilobyte);
    const Residency& of = plan.residency;
    std::vector<bool> taken(static_cast<std::size_t>(of.shared_bytes));
    for (const Resident& array :
         {of.theta, of.slot1, of.slot2, of.power1, of.power2, of.hidden, of.predicted, of.rule,
          of.gradient, of.jacobian, of.reach, of.updates}) {
      if (array.at < 0) continue;
      EXPECT_EQ(array.at % 32, 0);
      EXPECT_EQ(array.bytes % 16, 0);
      EXPECT_GE(array.at, plan.shared_bytes);
      ASSERT_LE(array.at + array.bytes, of.shared_bytes);
      for (int i = array.at; i < array.at + array.bytes; ++i) {
        EXPECT_FALSE(taken[static_cast<std::size_t>(i)]);
        taken[static_cast<std::size_t>(i)] = true;
      }
    }
  }
}

}  // namespace
}  // namespace millrace::device_testing
