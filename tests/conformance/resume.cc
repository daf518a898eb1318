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

// What happens to the stream before slice `slice` is observed.
void Disturb(int slice, engine::Stream* stream) {
  switch (slice) {
    case 1:
      return Send(engine::TakeShadow{}, stream);
    case 2:
      return Send(engine::Set{{{"optimizer.rate", 0.02}}}, stream);
    case 3:
      return Send(engine::Freeze{}, stream);
    case 4:
      return Send(engine::Reset{}, stream);
    case 5:
      return Send(engine::Unfreeze{}, stream);
    default:
      return;
  }
}

void Play(const engine::Model& model, int from, int to, Player* player, engine::Stream* stream) {
  for (int t = from; t < to; t += kSlice) {
    Disturb(t / kSlice, stream);
    PlayOnStream(model, t, t + kSlice, 0, player);
  }
}

}  // namespace

engine::Snapshot PlayedTo(const Combination& combination, int to) {
  const std::shared_ptr<const engine::Model> model = MakeModel(combination.spec);
  const std::unique_ptr<engine::Stream> stream = OpenStream(model);
  const Script script = MakeScript(*model, 9, kResumeSteps);
  Player player(&script, stream.get());
  Play(*model, 0, to, &player, stream.get());
  return stream->Save();
}

engine::Snapshot RestOf(const Combination& combination, const engine::Snapshot& cut) {
  const std::shared_ptr<const engine::Model> model = MakeModel(combination.spec);
  const std::unique_ptr<engine::Stream> stream = LoadStream(model, cut);
  const Script script = MakeScript(*model, 9, kResumeSteps);
  Player player(&script, stream.get());
  Play(*model, kResumeCut, kResumeSteps, &player, stream.get());
  return stream->Save();
}

}  // namespace millrace::conformance
