// Observations: a message taken apart into steps, its inputs through the input stage one step
// ahead.
#include <algorithm>

#include "absl/types/span.h"
#include "engine/stream_impl.h"

namespace millrace::engine {
namespace {

// Calls f(offset) for offsets in order; `marks` rises, and tells whether offset is in it.
class OffsetCursor {
 public:
  explicit OffsetCursor(absl::Span<const std::uint32_t> marks) : marks_(marks) {}
  bool Take(std::uint64_t offset) {
    while (next_ < marks_.size() && marks_[next_] < offset) ++next_;
    return next_ < marks_.size() && marks_[next_] == offset;
  }

 private:
  absl::Span<const std::uint32_t> marks_;
  std::size_t next_ = 0;
};

}  // namespace

template <typename T>
std::pair<std::uint64_t, std::uint64_t> StreamImpl<T>::BeginMessage(const Observe& observe,
                                                                    Outcome* outcome) {
  const std::uint64_t steps = StepsOf(observe);
  const std::uint64_t first = std::max(observe.first_seq, applied_ + 1);
  const std::uint64_t skipped = std::min(steps, first - observe.first_seq);
  outcome->first_seq = first;
  outcome->skipped = static_cast<std::uint32_t>(skipped);
  outcome->steps = static_cast<std::uint32_t>(steps - skipped);
  if (skipped < steps && observe.closed_loop) monitor_.MarkClosedLoop();
  return {skipped, steps};
}

template <typename T>
void StreamImpl<T>::On(const Observe& observe, const Want& want, Outcome* outcome) {
  const auto [skipped, steps] = BeginMessage(observe, outcome);
  if (LearnsOnDevice()) {
    return OnDevice({&observe, &want, outcome, observe.first_seq + steps - 1});
  }
  if (PlansOnDevice()) {
    return OnDevicePlanned({&observe, &want, outcome, observe.first_seq + steps - 1});
  }
  OffsetCursor resets(observe.reset_before), score_only(observe.score_only);
  const auto x_of = [&](std::uint64_t offset) {
    return observe.floats.empty() ? nullptr
                                  : observe.floats.data() + offset * static_cast<std::uint64_t>(d_);
  };
  const auto byte_of = [&](std::uint64_t offset) -> std::int64_t {
    return observe.raw_bytes.empty() ? kNoByte : observe.raw_bytes[offset];
  };
  // A shadow with a normaliser of its own looks at the input stage as of its own step.
  const bool stages_next = !monitor_.shadow_normaliser_frozen();
  bool reset = resets.Take(skipped);
  for (std::uint64_t offset = skipped; offset < steps; ++offset) {
    if (offset == skipped || !stages_next) {
      Stage(x_of(offset), byte_of(offset), &staged_);
    } else {
      std::swap(staged_, next_staged_);
    }
    OneStep step{.x = x_of(offset), .byte = byte_of(offset), .reset_before = reset};
    step.learn = !score_only.Take(offset);
    if (offset + 1 < steps) {
      reset = resets.Take(offset + 1);
      if (stages_next) Stage(x_of(offset + 1), byte_of(offset + 1), &next_staged_);
      step.continues = stages_next && !reset;
    }
    if (observe.targets.has_value()) step.target = RowOf(*observe.targets, offset, row_.data());
    Step(step, want, outcome);
  }
}

template <typename T>
void StreamImpl<T>::Stage(const float* x, std::int64_t byte, StagedInput* staged) {
  if (input_.bytes()) {
    staged->input = {.byte = byte};
    return;
  }
  staged->novelty = input_.Step(x, staged->z.data(), staged->present.data());
  std::transform(staged->z.begin(), staged->z.end(), staged->dense.begin(),
                 [](double z) { return static_cast<T>(z); });
  staged->input = {.dense = staged->dense.data(), .present = staged->present.data()};
}

template void StreamImpl<float>::On(const Observe&, const Want&, Outcome*);
template void StreamImpl<double>::On(const Observe&, const Want&, Outcome*);
template std::pair<std::uint64_t, std::uint64_t> StreamImpl<float>::BeginMessage(const Observe&,
                                                                                 Outcome*);
template std::pair<std::uint64_t, std::uint64_t> StreamImpl<double>::BeginMessage(const Observe&,
                                                                                  Outcome*);
template void StreamImpl<float>::Stage(const float*, std::int64_t, StagedInput*);
template void StreamImpl<double>::Stage(const float*, std::int64_t, StagedInput*);

}  // namespace millrace::engine
