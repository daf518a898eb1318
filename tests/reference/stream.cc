#include "tests/reference/stream.h"

#include <algorithm>
#include <limits>

namespace millrace::reference {

Stream::Stream(const Design& design, const Vector& weights)
    : design_(design),
      input_(design.input),
      learner_(design, weights),
      hidden_(design.shape.units) {}

Record Stream::MakeRecord(const Observation& observation) {
  Record record;
  record.taken = observation.x      ? input_.Step(*observation.x)
                 : observation.byte ? input_.StepByte(*observation.byte)
                                    : input_.StepNothing();
  if (design_.float32) {
    for (double& z : record.taken.z) z = static_cast<float>(z);
  }
  record.reset_before = observation.reset_before;
  record.score_only = observation.score_only;
  record.target = observation.target;
  record.closed = design_.target == TargetMode::kWithObservation || record.target.has_value();
  return record;
}

// The next input is the target of the step before: what is missing of it is not known.
void Stream::CloseBefore(const Record& next, const Observation& observation) {
  if (design_.target != TargetMode::kNextInput || open_.empty()) return;
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

int Stream::Run(int budget) {
  for (; budget > 0 && !open_.empty() && open_.front().closed; --budget) {
    learner_.Step(open_.front(), frozen_);
    open_.pop_front();
    ++learned_;
  }
  return budget;
}

Vector Stream::Observe(const Observation& observation) {
  const Record record = MakeRecord(observation);
  CloseBefore(record, observation);
  const int left = Run(design_.catch_up_steps);
  if (open_.empty()) hidden_ = learner_.hidden();
  if (observation.reset_before) std::fill(hidden_.begin(), hidden_.end(), 0.0);
  hidden_ = StepCell(design_.shape, learner_.weights(), design_.leak, hidden_, record.taken.z).h;
  const Vector y = Readout(design_.shape, learner_.weights(), hidden_);
  const bool caught_up = open_.empty();
  open_.push_back(record);
  if (caught_up) Run(std::min(left, 1));
  return y;
}

void Stream::HoldTarget(std::int64_t step, const Target& target) {
  Record& record = open_[static_cast<std::size_t>(step - learned_ - 1)];
  record.target = target;
  record.closed = true;
}

void Stream::CloseThrough(std::int64_t step) {
  for (std::int64_t s = learned_ + 1; s <= step; ++s) {
    open_[static_cast<std::size_t>(s - learned_ - 1)].closed = true;
  }
}

void Stream::RoundToFloat32() {
  learner_.RoundToFloat32();
  for (double& h : hidden_) h = static_cast<float>(h);
}

void Stream::Settle() { Run(std::numeric_limits<int>::max()); }

}  // namespace millrace::reference
