// The reference's stream: a predictor that goes on at once, and a learner that trails it until
// targets are known.
//
// An observation: (a) the learner takes in at most catch_up_steps closed steps from its position;
// (b) if it has caught up, the predictor's state becomes its own; (c) the predictor advances with
// the present weights and predicts; (d) a target that came with the step is held, and if the
// learner has caught up and has steps left, it is learned from at once.
// With targets of the observation a step without one is closed; with targets of the next input a
// step is closed by its successor; with delayed ones it stays open until a target or CloseThrough.
// Thread-compatible.
#ifndef MILLRACE_TESTS_REFERENCE_ONLINE_STREAM_H_
#define MILLRACE_TESTS_REFERENCE_ONLINE_STREAM_H_

#include <cstdint>
#include <deque>

#include "tests/reference/online_learner.h"

namespace millrace::reference {

class OnlineStream {
 public:
  OnlineStream(const Specification& specification, const Vector& weights);

  // The prediction y [m].
  Vector Observe(const Observation& observation);
  // Step numbers count from 1.
  void HoldTarget(std::int64_t step, const Target& target);
  void CloseThrough(std::int64_t step);
  void Settle();
  // The learner's and the predictor's, see OnlineLearner.
  void RoundToFloat32();
  void Disturb(double relative) { learner_.Disturb(relative); }
  void SetFrozen(bool frozen) { frozen_ = frozen; }

  OnlineLearner& learner() { return learner_; }
  const Vector& state() const { return state_; }
  std::int64_t applied() const { return learned_ + static_cast<std::int64_t>(open_.size()); }
  std::int64_t learned() const { return learned_; }

 private:
  Record MakeRecord(const Observation& observation);
  void CloseBefore(const Record& next, const Observation& observation);
  // Takes in closed steps, at most `budget`; returns what is left of it.
  int Run(int budget);
  Record& Open(std::int64_t step) { return open_[step - learned_ - 1]; }

  Specification specification_;
  Input input_;
  OnlineLearner learner_;
  Vector state_;             // of the predictor
  std::deque<Record> open_;  // steps after learned_
  std::int64_t learned_ = 0;
  bool frozen_ = false;
};

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_ONLINE_STREAM_H_
