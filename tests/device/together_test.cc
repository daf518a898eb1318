// Events of many streams applied together: one launch for all of them, and for each the bits that
// it has alone.

#include <cstddef>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/together.h"
#include "engine/workers.h"
#include "gtest/gtest.h"
#include "tests/conformance/playing.h"
#include "tests/device/host_device.h"

namespace millrace::device_testing {
namespace {

using conformance::Script;

// An observation with memory of its own.
class Message {
 public:
  explicit Message(const engine::Observe& observe)
      : floats_(observe.floats.begin(), observe.floats.end()),
        bytes_(observe.raw_bytes.begin(), observe.raw_bytes.end()),
        resets_(observe.reset_before.begin(), observe.reset_before.end()),
        scored_(observe.score_only.begin(), observe.score_only.end()) {
    engine::Observe own = observe;
    own.floats = floats_;
    own.raw_bytes = bytes_;
    own.reset_before = resets_;
    own.score_only = scored_;
    if (own.targets.has_value()) Keep(&*own.targets);
    event_ = own;
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  const engine::Event& event() const { return event_; }
  void DropTargets() { std::get<engine::Observe>(event_).targets.reset(); }

 private:
  void Keep(engine::TargetBlock* block) {
    values_.assign(block->values.begin(), block->values.end());
    probabilities_.assign(block->probabilities.begin(), block->probabilities.end());
    weights_.assign(block->weights.begin(), block->weights.end());
    classes_.assign(block->classes.begin(), block->classes.end());
    block->values = values_;
    block->probabilities = probabilities_;
    block->weights = weights_;
    block->classes = classes_;
  }

  std::vector<float> floats_, values_, probabilities_, weights_;
  std::vector<std::uint8_t> bytes_;
  std::vector<std::uint32_t> resets_, scored_;
  std::vector<std::int32_t> classes_;
  engine::Event event_;
};

// A stream with what it is to be told: `steps` steps, in messages of at most `per_message`.
struct Told {
  Told(std::shared_ptr<const engine::Model> model, int number, int steps, int per_message,
       bool bad_numbers)
      : stream(conformance::OpenStream(model, "s" + std::to_string(number),
                                       static_cast<std::uint64_t>(number))) {
    Script script = conformance::MakeScript(*model, static_cast<std::uint64_t>(number), steps);
    // The gradient of such a target is infinite.
    for (int t = steps / 2; bad_numbers && t < steps; ++t) {
      for (float& value : script.steps[static_cast<std::size_t>(t)].values) {
        if (value == value) value = std::numeric_limits<float>::max();
      }
      if (!script.steps[static_cast<std::size_t>(t)].values.empty()) break;
    }
    conformance::Player player(&script, stream.get());
    player.set_send([this](const engine::Event& event) {
      messages.emplace_back(std::get<engine::Observe>(event));
    });
    player.Observe(0, steps, per_message);
  }

  bool done() const { return messages.empty(); }
  engine::Application Next(std::mutex* lock) {
    EXPECT_TRUE(stream->Check(messages.front().event()).ok());
    return {stream.get(), &messages.front().event(), {}, &outcome, lock};
  }
  void Took() {
    outputs.insert(outputs.end(), outcome.outputs.begin(), outcome.outputs.end());
    losses.insert(losses.end(), outcome.loss.begin(), outcome.loss.end());
    messages.pop_front();
  }

  std::unique_ptr<engine::Stream> stream;
  std::list<Message> messages;
  engine::Outcome outcome;
  std::vector<float> outputs, losses;
};

constexpr int kStreams = 9;

// Streams of differing lengths, the fifth with bad numbers on its way.
std::vector<std::unique_ptr<Told>> Streams(
    const std::vector<std::shared_ptr<const engine::Model>>& models) {
  std::vector<std::unique_ptr<Told>> streams;
  for (int i = 0; i < kStreams; ++i) {
    const auto& model = models[static_cast<std::size_t>(i) % models.size()];
    streams.push_back(std::make_unique<Told>(model, i, 30 + 11 * i, i % 3 == 0 ? 0 : 5, i == 4));
  }
  return streams;
}

using Streamed = std::vector<std::unique_ptr<Told>>;

void Alone(const Streamed& streams) {
  for (const auto& told : streams) {
    while (!told->done()) {
      const engine::Application next = told->Next(nullptr);
      next.stream->Apply(*next.event, next.want, next.outcome);
      told->Took();
    }
  }
}

// A message of each a round. Returns the rounds.
int Together(const Streamed& streams, int threads) {
  engine::Workers workers(threads);
  std::vector<std::mutex> locks(streams.size());
  for (int rounds = 0;; ++rounds) {
    std::vector<engine::Application> batch;
    std::vector<Told*> of_batch;
    for (std::size_t i = 0; i < streams.size(); ++i) {
      if (streams[i]->done()) continue;
      batch.push_back(streams[i]->Next(&locks[i]));
      of_batch.push_back(streams[i].get());
    }
    if (batch.empty()) return rounds;
    engine::ApplyTogether(batch, &workers);
    for (Told* const told : of_batch) told->Took();
  }
}

engine::ModelSpec Spec(const engine::PartSpec& rule, const std::string& target = "") {
  engine::ModelSpec spec = conformance::BaseSpec();
  spec.number_type = engine::NumberType::kFloat32;
  spec.rule = rule;
  spec.guard.settings["good_every"] = std::int64_t{10};
  if (!target.empty()) spec.target = {target, {}};
  if (target == "next_input") spec.head.settings["outputs"] = std::int64_t{0};
  spec.device = engine::Device::kCuda;
  return spec;
}

std::string BitsOf(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

void ExpectTheSame(const Streamed& a, const Streamed& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    SCOPED_TRACE("stream " + std::to_string(i));
    EXPECT_EQ(conformance::DifferingTensors(a[i]->stream->Save(), b[i]->stream->Save()), "");
    EXPECT_EQ(a[i]->stream->event(), b[i]->stream->event());
    EXPECT_EQ(BitsOf(a[i]->outputs), BitsOf(b[i]->outputs));
    EXPECT_EQ(BitsOf(a[i]->losses), BitsOf(b[i]->losses));
  }
}

TEST(ApplyTogether, EveryStreamEndsWithTheBitsThatItHasAlone) {
  for (const engine::PartSpec& rule :
       {engine::PartSpec{"immediate", {}}, engine::PartSpec{"snap1", {}},
        engine::PartSpec{"rtrl", {}},
        engine::PartSpec{"rtrl", {{"sensitivities", std::string("tf32x3")}}},
        engine::PartSpec{"rtrl", {{"sensitivities", std::string("bf16")}}}}) {
    SCOPED_TRACE(rule.name + (rule.settings.empty() ? "" : rule.Text("sensitivities")));
    HostDevice device;
    const std::vector<std::shared_ptr<const engine::Model>> models = {
        conformance::MakeModel(Spec(rule))};
    const Streamed alone = Streams(models), together = Streams(models);
    Alone(alone);
    const std::int64_t launches_alone = device.backend().launches();
    Together(together, 3);
    ExpectTheSame(together, alone);
    EXPECT_GT(alone[4]->stream->Stats().divergences, 0u);
    EXPECT_EQ(alone[5]->stream->Stats().divergences, 0u);
    EXPECT_LT(3 * (device.backend().launches() - launches_alone), launches_alone);
  }
}

TEST(ApplyTogether, StreamsWhoseTargetsComeLaterHaveTheBitsThatTheyHaveAlone) {
  for (const char* const target : {"next_input", "delayed"}) {
    SCOPED_TRACE(target);
    HostDevice device;
    const std::vector<std::shared_ptr<const engine::Model>> models = {
        conformance::MakeModel(Spec({"snap1", {}}, target))};
    const Streamed alone = Streams(models), together = Streams(models);
    Alone(alone);
    const std::int64_t launches_alone = device.backend().launches();
    Together(together, 3);
    ExpectTheSame(together, alone);
    EXPECT_LT(3 * (device.backend().launches() - launches_alone), launches_alone);
  }
}

TEST(ApplyTogether, MessagesThatAreThereTogetherAreOneLaunch) {
  HostDevice device;
  const std::vector<std::shared_ptr<const engine::Model>> models = {
      conformance::MakeModel(Spec({"immediate", {}}))};
  Streamed streams;
  for (int i = 0; i < 40; ++i) {
    streams.push_back(std::make_unique<Told>(models[0], i, 9, 9, false));
    while (streams.back()->messages.size() > 1) streams.back()->messages.pop_back();
  }
  EXPECT_EQ(Together(streams, 2), 1);
  EXPECT_EQ(device.backend().launches(), 1);
}

TEST(ApplyTogether, StreamsOfManyModelsOnBothDevicesAndOfEveryPolicyGoOnTogether) {
  HostDevice device;
  engine::ModelSpec on_cpu = Spec({"snap1", {}});
  on_cpu.device = engine::Device::kCpu;
  std::vector<std::shared_ptr<const engine::Model>> models;
  for (const engine::ModelSpec& spec :
       {Spec({"immediate", {}}), on_cpu, Spec({"rtrl", {}}), Spec({"snap1", {}}, "delayed")}) {
    models.push_back(conformance::MakeModel(spec));
  }
  const auto told = [&] {
    Streamed streams;
    for (int i = 0; i < 8; ++i) {
      const auto& model = models[static_cast<std::size_t>(i) % models.size()];
      streams.push_back(std::make_unique<Told>(model, i, 40, 6, false));
      if (i % 4 != 3) continue;
      // Of late targets there are none here.
      for (Message& message : streams.back()->messages) message.DropTargets();
    }
    return streams;
  };
  const Streamed alone = told(), together = told();
  Alone(alone);
  Together(together, 2);
  ExpectTheSame(together, alone);
}

TEST(ApplyTogether, AnObservationThatWasAppliedBeforeChangesNothing) {
  HostDevice device;
  const auto model = conformance::MakeModel(Spec({"immediate", {}}));
  Told told(model, 1, 9, 9, false);
  engine::Workers workers(1);
  const engine::Application first = told.Next(nullptr);
  engine::ApplyTogether({first}, &workers);
  const std::int64_t launches = device.backend().launches();
  const std::string digest = told.stream->Digest();
  engine::ApplyTogether({first}, &workers);
  EXPECT_EQ(device.backend().launches(), launches);
  EXPECT_EQ(told.stream->Digest(), digest);
  EXPECT_EQ(told.outcome.steps, 0u);
  EXPECT_GT(told.outcome.skipped, 0u);
}

TEST(ApplyTogether, MoreStreamsThanTheDeviceHasRoomForTakeTurns) {
  const auto play = [](std::int64_t lent_bytes, bool together) {
    HostDevice device({}, HostDevice::Order::kRising, lent_bytes);
    const std::vector<std::shared_ptr<const engine::Model>> models = {
        conformance::MakeModel(Spec({"rtrl", {}}))};
    Streamed streams = Streams(models);
    if (together) {
      Together(streams, 2);
      EXPECT_GT(device.memory().usage().page_outs, 10u);
    } else {
      Alone(streams);
    }
    std::vector<engine::Snapshot> snapshots;
    for (const auto& told : streams) snapshots.push_back(told->stream->Save());
    return snapshots;
  };
  const std::vector<engine::Snapshot> few = play(40 << 10, true), many = play(0, false);
  for (std::size_t i = 0; i < few.size(); ++i) {
    EXPECT_EQ(conformance::DifferingTensors(few[i], many[i]), "");
  }
}

}  // namespace
}  // namespace millrace::device_testing
