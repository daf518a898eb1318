// A learner on a device against the same learner on the CPU, over every combination that device
// code has; and what must not change a bit of it.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "engine/device/plan.h"
#include "gtest/gtest.h"
#include "tests/conformance/combinations.h"
#include "tests/conformance/correspondence.h"
#include "tests/conformance/playing.h"
#include "tests/device/host_device.h"

namespace millrace::device_testing {
namespace {

using conformance::Combination;

constexpr int kSteps = 98;

engine::ModelSpec OnDevice(engine::ModelSpec spec) {
  spec.device = engine::Device::kCuda;
  return spec;
}

bool Covered(const engine::Model& model) {
  return engine::DeviceCovers(model.spec(), model.sizes().inputs);
}

std::shared_ptr<const engine::Model> ModelOf(const engine::ModelSpec& spec) {
  absl::StatusOr<std::shared_ptr<const engine::Model>> model =
      engine::Model::Create("device", spec);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

engine::Snapshot Played(const engine::ModelSpec& spec, int per_message = 0) {
  const std::shared_ptr<const engine::Model> model = ModelOf(spec);
  const std::unique_ptr<engine::Stream> stream = conformance::OpenStream(model);
  const conformance::Script script = conformance::MakeScript(*model, 5, kSteps);
  conformance::Player player(&script, stream.get());
  conformance::PlayOnStream(*model, 0, kSteps, per_message, &player);
  return stream->Save();
}

// Largest |a - b| / (1 + |b|) over a tensor.
double Distance(const engine::Snapshot& a, const engine::Snapshot& b, const std::string& name) {
  const reference::Vector x = conformance::TensorValues(a, name);
  const reference::Vector y = conformance::TensorValues(b, name);
  if (x.size() != y.size()) return HUGE_VAL;
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double distance = std::abs(x[i] - y[i]) / (1 + std::abs(y[i]));
    worst = distance <= worst ? worst : distance;
  }
  return std::isnan(worst) ? HUGE_VAL : worst;
}

// Of the numbers of a tensor, those that are farther apart than that.
double ShareBeyond(double most, const engine::Snapshot& a, const engine::Snapshot& b,
                   const std::string& name) {
  const reference::Vector x = conformance::TensorValues(a, name);
  const reference::Vector y = conformance::TensorValues(b, name);
  double beyond = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!(std::abs(x[i] - y[i]) <= most * (1 + std::abs(y[i])))) ++beyond;
  }
  return beyond / static_cast<double>(x.size());
}

std::string NumbersOf(const engine::ModelSpec& spec) {
  const auto numbers = spec.rule.settings.find("sensitivities");
  return numbers == spec.rule.settings.end() ? "full" : std::get<std::string>(numbers->second);
}

// Two ways of adding up, and then a rounding to few bits: a number that lies between two goes to
// the one here and to the other there. In bf16 that is a part in 2^8 of one number of a thousand,
// in TF32 one in 2^11 of a term of a sum.
void ExpectClose(const engine::ModelSpec& spec, const engine::Snapshot& device,
                 const engine::Snapshot& cpu, const std::string& name, double most) {
  const std::string numbers = NumbersOf(spec);
  if (numbers == "bf16" && name == "learner.rule") {
    EXPECT_LT(ShareBeyond(most, device, cpu, name), 0.01) << name;
    EXPECT_LT(Distance(device, cpu, name), 0x1p-7) << name;
  } else {
    const double more = numbers == "bf16" ? 1e-3 : numbers == "tf32" ? 1e-4 : 0;
    EXPECT_LT(Distance(device, cpu, name), std::max(more, most)) << name;
  }
}

// Names of the state that follows from learning.
constexpr const char* kState[] = {"learner.weights", "learner.slot1",  "learner.slot2",
                                  "learner.power1",  "learner.power2", "learner.hidden",
                                  "learner.rule",    "stream.hidden",  "good.weights"};

bool SameBits(const engine::Snapshot& a, const engine::Snapshot& b) {
  const auto bytes = [](const engine::Snapshot& snapshot, const char* name) {
    for (const engine::NamedTensor& tensor : snapshot.tensors) {
      if (tensor.name == name) return tensor.bytes;
    }
    return std::string();
  };
  return std::all_of(std::begin(kState), std::end(kState),
                     [&](const char* name) { return bytes(a, name) == bytes(b, name); });
}

// Rounding of a hundred steps, which RMSprop and Adam may carry from a small gradient into a step
// of the rate's size. A wrong formula is off by a rate, 1e-2.
double Tolerance(const engine::ModelSpec& spec) {
  return spec.number_type == engine::NumberType::kFloat64 ? 1e-9 : 3e-4;
}

constexpr std::size_t kParts = 8;
class DeviceOfPart : public testing::TestWithParam<std::size_t> {};

TEST_P(DeviceOfPart, LearnsWhatTheCpuLearns) {
  int same_bits = 0, compared = 0;
  for (std::size_t i = GetParam(); i < conformance::Combinations().size(); i += kParts) {
    const Combination& combination = conformance::Combinations()[i];
    SCOPED_TRACE(combination.name);
    engine::ModelSpec on_cpu = combination.spec;
    on_cpu.device = engine::Device::kCpu;
    if (!Covered(*ModelOf(on_cpu))) continue;
    const engine::Snapshot device = Played(OnDevice(combination.spec));
    const engine::Snapshot cpu = Played(on_cpu);
    ++compared;
    if (SameBits(device, cpu)) ++same_bits;
    for (const char* const name : kState) {
      ExpectClose(combination.spec, device, cpu, name, Tolerance(combination.spec));
    }
    EXPECT_NE(device.numeric_path, cpu.numeric_path);
  }
  EXPECT_GT(compared, 0);
  std::printf("%d of %d combinations have the bits of the CPU\n", same_bits, compared);
}

INSTANTIATE_TEST_SUITE_P(All, DeviceOfPart, testing::Range(std::size_t{0}, kParts));

// Streams of a model each, learning at once.
engine::ModelSpec Dense(const std::string& cell, std::int64_t units, const engine::PartSpec& rule) {
  engine::ModelSpec spec = conformance::BaseSpec();
  spec.cell = {cell, {{"units", units}}};
  spec.rule = rule;
  spec.number_type = engine::NumberType::kFloat32;
  return OnDevice(spec);
}

engine::Snapshot PlayedOn(const engine::ModelSpec& spec, const HostDevice::Limits& limits,
                          HostDevice::Order order, int steps) {
  HostDevice device(limits, order);
  const std::shared_ptr<const engine::Model> model = ModelOf(spec);
  std::unique_ptr<engine::Stream> stream = conformance::OpenStream(model);
  const conformance::Script script = conformance::MakeScript(*model, 5, steps);
  conformance::Player player(&script, stream.get());
  player.Observe(0, steps, 0);
  EXPECT_GT(device.backend().launches(), 0);
  return stream->Save();
}

// Sizes on both sides of what shared memory holds: tiles with the whole Jacobian and with pieces of
// it, blocks in registers, masks, and one stream's sweep over many blocks of threads.
std::vector<engine::ModelSpec> Sweeps() {
  const engine::PartSpec full{"rtrl", {}};
  const auto sparse = [](const char* mask, std::int64_t k, bool self) {
    return engine::PartSpec{"sparse_rtrl",
                            {{"mask", std::string(mask)}, {"k", k}, {"include_self", self}}};
  };
  std::vector<engine::ModelSpec> sweeps = {Dense("vanilla", 33, full),
                                           Dense("gru", 20, full),
                                           Dense("lstm", 52, full),
                                           Dense("lstm", 24, sparse("block", 4, true)),
                                           Dense("vanilla", 48, sparse("block", 12, false)),
                                           Dense("vanilla", 40, sparse("ring", 4, true))};
  const std::size_t count = sweeps.size();
  for (std::size_t i = 0; i < count; ++i) {
    for (const char* const numbers : {"tf32x3", "tf32", "bf16"}) {
      sweeps.push_back(sweeps[i]);
      sweeps.back().rule.settings["sensitivities"] = std::string(numbers);
    }
  }
  // Two passes over the rows, and rows past a fragment's.
  for (const char* const numbers : {"tf32x3", "tf32"}) {
    sweeps.push_back(Dense("vanilla", 75, full));
    sweeps.back().cell.settings["leak"] = 0.5;
    sweeps.back().rule.settings["sensitivities"] = std::string(numbers);
  }
  return sweeps;
}

std::string NameOf(const engine::ModelSpec& spec) {
  const auto units = std::get<std::int64_t>(spec.cell.settings.at("units"));
  return spec.cell.name + " " + std::to_string(units) + " " + spec.rule.name + " " +
         NumbersOf(spec);
}

TEST(DeviceSweep, NeitherTheOrderOfThreadsNorASplitOrSmallerTilesChangeABit) {
  using Order = HostDevice::Order;
  for (const engine::ModelSpec& spec : Sweeps()) {
    SCOPED_TRACE(NameOf(spec));
    const engine::Snapshot once = PlayedOn(spec, {}, Order::kRising, 4);
    for (const Order order : {Order::kFalling, Order::kInterleaved}) {
      EXPECT_EQ(conformance::DifferingTensors(PlayedOn(spec, {}, order, 4), once), "");
    }
    EXPECT_EQ(
        conformance::DifferingTensors(PlayedOn(spec, {.processors = 5}, Order::kFalling, 4), once),
        "");
  }
}

TEST(DeviceSweep, LearnsWhatTheCpuLearnsWithAnyAmountOfSharedMemory) {
  for (const engine::ModelSpec& spec : Sweeps()) {
    SCOPED_TRACE(NameOf(spec));
    engine::ModelSpec on_cpu = spec;
    on_cpu.device = engine::Device::kCpu;
    const std::shared_ptr<const engine::Model> model = ModelOf(on_cpu);
    const std::unique_ptr<engine::Stream> stream = conformance::OpenStream(model);
    const conformance::Script script = conformance::MakeScript(*model, 5, 6);
    conformance::Player player(&script, stream.get());
    player.Observe(0, 6, 0);
    const engine::Snapshot cpu = stream->Save();
    for (const std::int64_t shared : {std::int64_t{36} << 10, std::int64_t{220} << 10}) {
      const engine::Snapshot device =
          PlayedOn(spec, {.shared_bytes = shared}, HostDevice::Order::kInterleaved, 6);
      for (const char* const name : {"learner.weights", "learner.rule", "learner.hidden"}) {
        SCOPED_TRACE(shared);
        ExpectClose(spec, device, cpu, name, 3e-5);
      }
    }
  }
}

// Five streams on a device that has room for two: each is paged out and back between its messages.
TEST(DevicePaging, StreamsThatShareTooFewSlotsLearnWhatTheyLearnAlone) {
  engine::ModelSpec spec = Dense("lstm", 12, {"rtrl", {}});
  constexpr int kStreams = 5;
  const auto play = [&](std::int64_t lent_bytes, std::uint64_t* page_outs) {
    HostDevice device({}, HostDevice::Order::kRising, lent_bytes);
    const std::shared_ptr<const engine::Model> model = ModelOf(spec);
    std::vector<std::unique_ptr<engine::Stream>> streams;
    std::vector<std::unique_ptr<conformance::Player>> players;
    const conformance::Script script = conformance::MakeScript(*model, 5, 42);
    for (int i = 0; i < kStreams; ++i) {
      streams.push_back(conformance::OpenStream(model, "s" + std::to_string(i), i + 1));
      players.push_back(std::make_unique<conformance::Player>(&script, streams.back().get()));
    }
    for (int t = 0; t < 42; t += 7) {
      for (auto& player : players) player->Observe(t, t + 7, 0);
    }
    std::vector<engine::Snapshot> snapshots;
    for (auto& stream : streams) snapshots.push_back(stream->Save());
    *page_outs = device.memory().usage().page_outs;
    const engine::DeviceMemoryUsage usage = device.memory().usage();
    EXPECT_LE(usage.slot_bytes + usage.free_bytes, lent_bytes);
    return snapshots;
  };
  for (const auto& [numbers, lent_bytes] :
       {std::pair{"full", 400 << 10}, std::pair{"tf32", 400 << 10}, std::pair{"bf16", 240 << 10}}) {
    SCOPED_TRACE(numbers);
    spec.rule.settings["sensitivities"] = std::string(numbers);
    std::uint64_t outs_of_few = 0, outs_of_many = 0;
    const std::vector<engine::Snapshot> few = play(lent_bytes, &outs_of_few);
    const std::vector<engine::Snapshot> many = play(64 << 20, &outs_of_many);
    EXPECT_GT(outs_of_few, 20u);
    EXPECT_EQ(outs_of_many, 0u);
    for (std::size_t i = 0; i < kStreams; ++i) {
      EXPECT_EQ(conformance::DifferingTensors(few[i], many[i]), "");
    }
  }
}

}  // namespace
}  // namespace millrace::device_testing
