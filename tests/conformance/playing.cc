#include "tests/conformance/playing.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/conformance/correspondence.h"

namespace millrace::conformance {
namespace {

std::unique_ptr<engine::Stream> OrEnd(absl::StatusOr<std::unique_ptr<engine::Stream>> stream) {
  if (!stream.ok()) {
    std::fprintf(stderr, "the engine refuses a stream: %s\n", stream.status().ToString().c_str());
    std::abort();
  }
  return *std::move(stream);
}

bool SettlesAfter(int end) { return end % (3 * kReleaseEvery) == 0; }

std::string Name(const engine::NamedTensor& tensor) {
  return absl::StrCat(tensor.name, "[", tensor.bytes.size(), " bytes] ");
}

}  // namespace

std::unique_ptr<engine::Stream> OpenStream(std::shared_ptr<const engine::Model> model,
                                           const std::string& id, std::uint64_t seed) {
  engine::StreamOptions options;
  options.seed = seed;
  return OrEnd(engine::Stream::Open(std::move(model), id, options));
}

std::unique_ptr<engine::Stream> LoadStream(std::shared_ptr<const engine::Model> model,
                                           const engine::Snapshot& snapshot) {
  return OrEnd(engine::Stream::Load(std::move(model), "a", snapshot));
}

bool TargetsAreLate(const engine::Model& model) { return model.spec().target.name == "delayed"; }

void PlayOnStream(const engine::Model& model, int from, int to, int per_message, Player* player) {
  if (!TargetsAreLate(model)) return player->Observe(from, to, per_message);
  for (int start = from; start < to; start += kReleaseEvery) {
    const int end = std::min(start + kReleaseEvery, to);
    player->Observe(start, end, per_message, false);
    player->Release(start, end);
    if (SettlesAfter(end)) player->Settle();
  }
}

void PlayOnReference(const Script& script, int from, int to, bool late,
                     reference::OnlineStream* stream, reference::Vector* outputs) {
  const int stretch = late ? kReleaseEvery : to - from;
  for (int start = from; start < to; start += stretch) {
    const int end = std::min(start + stretch, to);
    for (int t = start; t < end; ++t) {
      const ScriptStep& step = script.steps[static_cast<std::size_t>(t)];
      const reference::Vector y = stream->Observe(ObservationOf(script, step, !late));
      outputs->insert(outputs->end(), y.begin(), y.end());
    }
    for (int t = start; late && t < end; ++t) {
      const auto target = TargetOf(script, script.steps[static_cast<std::size_t>(t)]);
      if (target.has_value()) stream->HoldTarget(t + 1, *target);
    }
    if (late) stream->CloseThrough(end);
    if (late && SettlesAfter(end)) stream->Settle();
  }
}

std::string DifferingTensors(const engine::Snapshot& a, const engine::Snapshot& b) {
  if (a.tensors.size() != b.tensors.size()) return "the number of tensors";
  std::string names;
  for (std::size_t i = 0; i < a.tensors.size(); ++i) {
    const engine::NamedTensor& x = a.tensors[i];
    const engine::NamedTensor& y = b.tensors[i];
    if (x.counted != y.counted || x.learner != y.learner || x.name != y.name) {
      names += "the order at " + Name(x);
    }
    if (x.counted && x.bytes != y.bytes) names += Name(x);
  }
  return names;
}

}  // namespace millrace::conformance
