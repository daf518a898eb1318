// Steps whose targets come later than they do: a launch a message, with the bits that they have row
// by row.

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "engine/together.h"
#include "gtest/gtest.h"
#include "tests/conformance/combinations.h"
#include "tests/conformance/playing.h"
#include "tests/device/host_device.h"

namespace millrace::device_testing {
namespace {

using engine::Snapshot;

constexpr int kSteps = 98;

engine::ModelSpec Spec(const engine::PartSpec& rule, const engine::PartSpec& target) {
  engine::ModelSpec spec = conformance::BaseSpec();
  spec.number_type = engine::NumberType::kFloat32;
  spec.rule = rule;
  spec.target = target;
  spec.guard.settings["good_every"] = std::int64_t{10};
  spec.device = engine::Device::kCuda;
  if (target.name == "next_input") spec.head.settings["outputs"] = std::int64_t{0};
  return spec;
}

engine::PartSpec Delayed(std::int64_t window, std::int64_t catch_up) {
  return {"delayed",
          {{"window", window},
           {"catch_up_steps", catch_up},
           {"when_full", std::string("close_oldest")}}};
}

engine::ModelSpec Bytes(const engine::PartSpec& target) {
  engine::ModelSpec spec = Spec({"snap1", {}}, target);
  spec.input = {"bytes", {}};
  spec.loss = {"cross_entropy", {}};
  spec.head = {"linear", {{"outputs", std::int64_t{256}}}};
  return spec;
}

// One whose scores might do something, so that every row is a launch; none ever does.
engine::ModelSpec RowByRow(engine::ModelSpec spec) {
  spec.monitor.settings["shadow_after"] = std::int64_t{1000000};
  return spec;
}

struct Told {
  bool released = false;  // targets come after the observation, not with it
  bool spoilt = false;    // one of them has an infinite gradient
};

struct Played {
  Snapshot snapshot;
  std::string outputs;
  std::int64_t launches = 0, observations = 0;
  std::uint64_t divergences = 0;
};

Played Play(const engine::ModelSpec& spec, int per_message, const Told& told) {
  HostDevice device({}, HostDevice::Order::kFalling);
  const std::shared_ptr<const engine::Model> model = conformance::MakeModel(spec);
  const std::unique_ptr<engine::Stream> stream = conformance::OpenStream(model);
  conformance::Script script = conformance::MakeScript(*model, 5, kSteps);
  for (std::size_t t = kSteps / 3; told.spoilt && t < kSteps; ++t) {
    for (float& value : script.steps[t].values) {
      if (value == value) value = std::numeric_limits<float>::max();
    }
    if (!script.steps[t].values.empty()) break;
  }
  conformance::Player player(&script, stream.get());
  Played played;
  player.set_send([&](const engine::Event& event) {
    EXPECT_TRUE(stream->Check(event).ok()) << stream->Check(event);
    engine::Outcome outcome;
    stream->Apply(event, {.outputs = true}, &outcome);
    if (std::holds_alternative<engine::Observe>(event)) ++played.observations;
    played.outputs.append(reinterpret_cast<const char*>(outcome.outputs.data()),
                          outcome.outputs.size() * sizeof(float));
  });
  if (told.released) {
    conformance::PlayOnStream(*model, 0, kSteps, per_message, &player);
  } else {
    player.Observe(0, kSteps, per_message);
  }
  played.launches = device.backend().launches();
  played.snapshot = stream->Save();
  played.divergences = stream->Stats().divergences;
  return played;
}

// Of the tensors that are the learner's and the predictor's.
std::string Differing(const Snapshot& a, const Snapshot& b) {
  std::string names;
  for (const engine::NamedTensor& tensor : a.tensors) {
    const bool learned = tensor.name.rfind("learner.", 0) == 0 ||
                         tensor.name.rfind("good.", 0) == 0 || tensor.name == "stream.hidden";
    if (!learned) continue;
    for (const engine::NamedTensor& other : b.tensors) {
      if (other.name == tensor.name && other.bytes != tensor.bytes) names += tensor.name + " ";
    }
  }
  return names;
}

void ExpectTheBitsOfRowByRow(const engine::ModelSpec& spec, const Told& told) {
  SCOPED_TRACE(spec.rule.name + " " + spec.target.name + (told.released ? " released" : ""));
  const Played rows = Play(RowByRow(spec), 0, told);
  EXPECT_EQ(rows.divergences > 0, told.spoilt);
  for (const int per_message : {1, 5, 0}) {
    const Played planned = Play(spec, per_message, told);
    EXPECT_EQ(Differing(planned.snapshot, rows.snapshot), "") << per_message << " a message";
    EXPECT_EQ(planned.outputs, rows.outputs);
    EXPECT_EQ(planned.divergences, rows.divergences);
    // A launch a message; one more where the learner settles, and some after a divergence.
    const std::int64_t others =
        (told.released ? kSteps / conformance::kReleaseEvery : 0) + (told.spoilt ? 10 : 0);
    EXPECT_LE(planned.launches, planned.observations + others);
    EXPECT_GT(rows.launches, planned.launches);
  }
}

TEST(Planned, StepsWhoseTargetIsTheNextInputHaveTheBitsOfRowByRow) {
  for (const engine::PartSpec& rule :
       {engine::PartSpec{"immediate", {}}, engine::PartSpec{"snap1", {}},
        engine::PartSpec{"rtrl", {}}}) {
    ExpectTheBitsOfRowByRow(Spec(rule, {"next_input", {}}), {});
  }
  ExpectTheBitsOfRowByRow(Bytes({"next_input", {}}), {});
}

TEST(Planned, StepsWhoseTargetsAreReleasedHaveTheBitsOfRowByRow) {
  for (const engine::PartSpec& target : {Delayed(64, 8), Delayed(64, 1), Delayed(5, 2)}) {
    for (const bool released : {false, true}) {
      if (released && target.settings.at("window") == engine::SettingValue(std::int64_t{5}))
        continue;
      ExpectTheBitsOfRowByRow(Spec({"snap1", {}}, target), {.released = released});
      ExpectTheBitsOfRowByRow(Spec({"rtrl", {}}, target), {.released = released});
    }
  }
}

TEST(Planned, AStreamThatDivergesInAPlanGoesOnAsRowByRow) {
  for (const bool released : {false, true}) {
    ExpectTheBitsOfRowByRow(Spec({"rtrl", {}}, Delayed(64, 3)),
                            {.released = released, .spoilt = true});
  }
}

// Balanced classes count targets as they are learned.
TEST(Planned, ClassesAreBalancedInTheOrderOfLearning) {
  engine::ModelSpec spec = Bytes({"next_input", {}});
  spec.loss.settings["balance_classes"] = true;
  ExpectTheBitsOfRowByRow(spec, {});
}

}  // namespace
}  // namespace millrace::device_testing
