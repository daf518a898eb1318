#include "tests/conformance/resume.h"

#include "gtest/gtest.h"

namespace millrace::conformance {
namespace {

constexpr int kSlice = 2 * kReleaseEvery;

void Send(const engine::Event& event, engine::Stream* stream) {
  engine::Outcome outcome;
  const absl::Status status = stream->Check(event);
  ASSERT_TRUE(status.ok()) << status;
  stream->Apply(event, engine::Want{}, &outcome);
}

// What happens to the stream before slice `slice` is observed. Every other one is frozen at the
// cut.
void Disturb(const Combination& combination, int slice, engine::Stream* stream) {
  const int freeze = combination.name.size() % 2 == 0 ? 3 : 5;
  if (slice == 1) Send(engine::TakeShadow{}, stream);
  if (slice == 2) Send(engine::Set{{{"optimizer.rate", 0.02}}}, stream);
  if (slice == 3) Send(engine::Reset{}, stream);
  if (slice == freeze) Send(engine::Freeze{}, stream);
  if (slice == freeze + 2) Send(engine::Unfreeze{}, stream);
}

void Play(const Combination& combination, int from, int to, Player* player,
          engine::Stream* stream) {
  for (int t = from; t < to; t += kSlice) {
    Disturb(combination, t / kSlice, stream);
    PlayOnStream(stream->model(), t, t + kSlice, 0, player);
  }
}

}  // namespace

engine::Snapshot PlayedTo(const Combination& combination, int to) {
  const std::shared_ptr<const engine::Model> model = MakeModel(combination.spec);
  const std::unique_ptr<engine::Stream> stream = OpenStream(model);
  const Script script = MakeScript(*model, 9, kResumeSteps);
  Player player(&script, stream.get());
  Play(combination, 0, to, &player, stream.get());
  return stream->Save();
}

engine::Snapshot RestOf(const Combination& combination, const engine::Snapshot& cut) {
  const std::shared_ptr<const engine::Model> model = MakeModel(combination.spec);
  const std::unique_ptr<engine::Stream> stream = LoadStream(model, cut);
  const Script script = MakeScript(*model, 9, kResumeSteps);
  Player player(&script, stream.get());
  Play(combination, kResumeCut, kResumeSteps, &player, stream.get());
  return stream->Save();
}

}  // namespace millrace::conformance
