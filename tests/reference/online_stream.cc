#include "tests/reference/online_stream.h"

#include <algorithm>
#include <limits>

namespace millrace::reference {

OnlineStream::OnlineStream(const Specification& specification, const Vector& weights)
    : specification_(specification),
      input_(specification.input),
      learner_(specification, weights),
      state_(learner_.state()) {}

Record OnlineStream::MakeRecord(const Observation& observation) {
  Record record;
  record.taken = observation.x      ? input_.Step(*observation.x)
                 : observation.byte ? input_.StepByte(*observation.byte)
                                    : input_.StepNothing();
  if (specification_.float32) {
    for (double& z : record.taken.z) z = static_cast<float>(z);
  }
  record.reset_before = observation.reset_before;
  record.score_only = observation.score_only;
  record.target = observation.target;
  record.closed =
      specification_.target == TargetMode::kWithObservation || record.target.has_value();
  return record;
}

// The next input is the target of the step before: what is missing of it is not known.
void OnlineStream::CloseBefore(const Record& next, const Observation& observation) {
  if (specification_.target != TargetMode::kNextInput || open_.empty()) return;
  Record& before = open_.back();
  before.closed = true;
  const bool anything = std::find(next.taken.present.begin(), next.taken.present.end(), true) !=
                        next.taken.present.end();
  if (!anything || observation.reset_before) return;
  Target target{next.taken.z, 1};
  for (std::size_t c = 0; c < target.values.size(); ++c) {
    if (!next.taken.present[c]) target.values[c] = std::numeric_limits<double>::quiet_NaN();
  }
  before.target = target;
}

int OnlineStream::Run(int budget) {
  for (; budget > 0 && !open_.empty() && open_.front().closed; --budget) {
    learner_.Step(open_.front(), frozen_);
    open_.pop_front();
    ++learned_;
  }
  return budget;
}

Vector OnlineStream::Observe(const Observation& observation) {
  const Record record = MakeRecord(observation);
  CloseBefore(record, observation);
  const int left = Run(specification_.catch_up_steps);
  if (open_.empty()) state_ = learner_.state();
  if (observation.reset_before) std::fill(state_.begin(), state_.end(), 0.0);
  const RecurrentNetwork& network = learner_.network();
  state_ = network.Next(learner_.weights(), state_, record.taken.z);
  const Vector y = network.Predict(learner_.weights(), learner_.contexts(), state_, record.taken.z);
  const bool caught_up = open_.empty();
  open_.push_back(record);
  if (caught_up) Run(std::min(left, 1));
  return y;
}

void OnlineStream::HoldTarget(std::int64_t step, const Target& target) {
  Open(step).target = target;
  Open(step).closed = true;
}

void OnlineStream::CloseThrough(std::int64_t step) {
  for (std::int64_t s = learned_ + 1; s <= step; ++s) Open(s).closed = true;
}

void OnlineStream::RoundToFloat32() {
  learner_.RoundToFloat32();
  for (double& value : state_) value = static_cast<float>(value);
}

void OnlineStream::Settle() { Run(std::numeric_limits<int>::max()); }

}  // namespace millrace::reference
