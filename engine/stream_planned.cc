// Steps on a device whose targets come later than they do: the next input, or what is released
// afterwards. What predictor and learner will do over the steps of a message follows from what is
// known when it comes, so it is planned, run as one launch, and then the steps are taken, each
// finding its rows done. A row that diverges ends the run: the step it belongs to goes on with
// launches of its own, and the steps after it are planned anew.
//
// Where the predictor's row is the learner's too, they are one.
#include <algorithm>
#include <limits>

#include "engine/check.h"
#include "engine/stream_impl.h"

namespace millrace::engine {
namespace {

// Rows of a run at most, but for those of its last step.
constexpr std::size_t kRowsAtOnce = 512;
constexpr int kNoRow = -1;

}  // namespace

template <typename T>
bool StreamImpl<T>::PlansOnDevice() const {
  return device_ != nullptr && target_settings_.policy != TargetPolicy::kWithObservation &&
         StepsAtOnce() > 1;
}

// The target that the next input is, or an absent one.
template <typename T>
TargetRow<T> StreamImpl<T>::NextInputTarget(const StagedInput& next, bool continues,
                                            T* values) const {
  if (!continues) return {.kind = TargetKind::kAbsent};
  if (input_.bytes()) return {.kind = TargetKind::kClass, .label = next.input.byte};
  bool any = false;
  for (std::size_t i = 0; i < row_.size(); ++i) {
    const bool known = next.present[i] != 0;
    values[i] = known ? next.dense[i] : std::numeric_limits<T>::quiet_NaN();
    any = any || known;
  }
  if (!any) return {.kind = TargetKind::kAbsent};
  return {.kind = TargetKind::kValues, .values = values};
}

// The inputs of the message's next steps, which the input stage sees once.
template <typename T>
void StreamImpl<T>::StagePlanned() {
  staged_first_ = applied_ + 1;
  staged_last_ = applied_ + std::min(message_.last - applied_, StepsAtOnce());
  const auto count = static_cast<std::size_t>(staged_last_ - applied_);
  if (planned_.steps.size() < count) planned_.steps.resize(count);
  for (std::uint64_t seq = staged_first_; seq <= staged_last_; ++seq) {
    const OneStep step = StepAt(seq);
    StagedInput& input = PlannedAt(seq).input;
    input.z.resize(staged_.z.size());
    input.present.resize(staged_.present.size());
    input.dense.resize(staged_.dense.size());
    Stage(step.x, step.byte, &input);
  }
}

template <typename T>
void StreamImpl<T>::PlanLearning(std::uint64_t seq, bool adopts) {
  std::vector<PlannedRow>& rows = planned_.rows;
  // Nothing lies between them: the predictor began the step with the learner's hidden state.
  const bool joins = adopts && !rows.empty() && rows.back().seq == seq;
  if (!joins) rows.push_back({.seq = seq});
  rows.back().learns = true;
  rows.back().adopts = adopts;
}

// In the order of Step.
template <typename T>
void StreamImpl<T>::PlanStep(std::uint64_t seq) {
  const OneStep step = StepAt(seq);
  std::uint64_t& oldest = planned_.oldest;
  PlannedStep& planned = PlannedAt(seq);
  const bool was_reset = seq == applied_ + 1 && reset_next_;
  planned.reset = step.reset_before || was_reset;
  planned.target = {};
  const auto hold = [this](PlannedTarget* target, TargetKind kind) {
    *target = {.kind = kind, .release = planned_.units + 1};
    if (IsHeld(kind)) ++planned_.units;
  };
  if (target_settings_.policy == TargetPolicy::kNextInput && oldest < seq) {
    const bool has_input = step.x != nullptr || step.byte != kNoByte;
    const bool continues = has_input && !planned.reset;
    hold(PlannedTargetAt(seq - 1), NextInputTarget(planned.input, continues, row_.data()).kind);
  }
  std::int64_t budget = target_settings_.catch_up_steps;
  for (; budget > 0 && oldest < seq && PlannedKind(oldest) != TargetKind::kOpen; --budget) {
    PlanLearning(oldest, oldest + 1 == seq && !was_reset);
    ++oldest;
  }
  if (seq - oldest == static_cast<std::uint64_t>(target_settings_.window_steps)) {
    PlanLearning(oldest, oldest + 1 == seq && !was_reset);
    ++oldest;
    budget = std::max<std::int64_t>(budget - 1, 0);
  }
  const bool caught_up = oldest == seq;
  planned_.rows.push_back({.seq = seq, .predicts = true});
  if (IsHeld(step.target.kind)) hold(&planned.target, step.target.kind);
  if (caught_up && budget > 0 && planned.target.kind != TargetKind::kOpen) {
    PlanLearning(seq, true);
    ++oldest;
  }
}

template <typename T>
typename StreamImpl<T>::PlannedTarget* StreamImpl<T>::PlannedTargetAt(std::uint64_t seq) {
  return seq > applied_ ? &PlannedAt(seq).target : &planned_.newest;
}

template <typename T>
TargetKind StreamImpl<T>::PlannedKind(std::uint64_t seq) {
  return seq < applied_ ? window_.kind(seq) : PlannedTargetAt(seq)->kind;
}

// As the learner will find it; values may be put in scratch.
template <typename T>
TargetRow<T> StreamImpl<T>::TargetOfPlanned(std::uint64_t seq) {
  if (!IsHeld(PlannedKind(seq))) return {.kind = TargetKind::kAbsent};
  if (seq <= applied_ && IsHeld(window_.kind(seq))) return window_.target(seq);
  if (target_settings_.policy != TargetPolicy::kNextInput) return StepAt(seq).target;
  return NextInputTarget(PlannedAt(seq + 1).input, true, row_.data());
}

template <typename T>
void StreamImpl<T>::AddPlanned(const PlannedRow& row) {
  const bool of_message = row.seq > applied_;
  const CellInput<T> input =
      of_message ? PlannedAt(row.seq).input.input : window_.cell_input(row.seq);
  const bool reset = of_message ? PlannedAt(row.seq).reset : window_.marks(row.seq).reset_before;
  if (!row.learns) return device_->AddPrediction(input, reset);
  const bool held_before = !of_message && IsHeld(window_.kind(row.seq));
  device_->Add({.seq = row.seq,
                .input = input,
                .reset_before = reset,
                .learn = of_message ? StepAt(row.seq).learn : window_.marks(row.seq).learn,
                .target = TargetOfPlanned(row.seq),
                .release = held_before || row.seq < applied_ ? window_.release(row.seq)
                                                             : PlannedTargetAt(row.seq)->release},
               {.predicts = row.predicts, .adopts = row.adopts});
}

template <typename T>
void StreamImpl<T>::BeginPlan() {
  planned_.rows.clear();
  planned_.next = 0;
  planned_.units = units_;
  planned_.oldest = window_.size() > 0 ? window_.first_seq() : applied_ + 1;
  planned_.newest = {};
  if (window_.size() > 0) planned_.newest.kind = window_.kind(applied_);
}

template <typename T>
bool StreamImpl<T>::PlanRows() {
  if (applied_ >= message_.last) return false;
  if (applied_ == staged_last_) StagePlanned();
  BeginPlan();
  planned_.last = applied_;
  while (planned_.last < staged_last_ && planned_.rows.size() < kRowsAtOnce) {
    PlanStep(++planned_.last);
  }
  device_->Clear();
  for (const PlannedRow& row : planned_.rows) AddPlanned(row);
  return true;
}

// The steps whose rows were run.
template <typename T>
void StreamImpl<T>::TakePlanned() {
  while (applied_ < planned_.last && planned_.next < planned_.rows.size()) {
    const OneStep step = StepAt(applied_ + 1);
    std::swap(staged_, PlannedAt(applied_ + 1).input);
    Step(step, *message_.want, message_.outcome);
  }
}

template <typename T>
void StreamImpl<T>::OnDevicePlanned(const Message& message) {
  BeginMessageOnDevice(message);
  while (PlanRows()) {
    LearnRows();
    TakePlanned();
  }
}

// Everything that is closed.
template <typename T>
void StreamImpl<T>::SettleOnDevice() {
  const auto closed = [this](std::uint64_t seq) {
    return seq <= applied_ && window_.kind(seq) != TargetKind::kOpen;
  };
  for (;;) {
    BeginPlan();
    for (; closed(planned_.oldest) && planned_.rows.size() < kRowsAtOnce; ++planned_.oldest) {
      PlanLearning(planned_.oldest, planned_.oldest == applied_ && !reset_next_);
    }
    if (planned_.rows.empty()) return;
    device_->Clear();
    for (const PlannedRow& row : planned_.rows) AddPlanned(row);
    LearnRows();
    RunLearner(static_cast<std::int64_t>(planned_.rows.size()));
  }
}

// The planned row that step `seq` has come to, the number of it among those of the run; kNoRow
// where the step runs its own.
template <typename T>
int StreamImpl<T>::PlannedRowOf(std::uint64_t seq, bool predicts) const {
  if (planned_.next == planned_.rows.size()) return kNoRow;
  const PlannedRow& row = planned_.rows[planned_.next];
  MILLRACE_CHECK(row.seq == seq && (predicts ? row.predicts : row.learns));
  return static_cast<int>(planned_.next);
}

template <typename T>
void StreamImpl<T>::LearnOldestOnDevice() {
  const std::uint64_t seq = window_.first_seq();
  const RowMarks& marks = window_.marks(seq);
  const bool adopts = window_.size() == 1 && !reset_next_;
  int row = PlannedRowOf(seq, false);
  if (row == kNoRow) {
    device_->Clear();
    device_->Add({.seq = seq,
                  .input = window_.cell_input(seq),
                  .reset_before = marks.reset_before,
                  .learn = marks.learn,
                  .target = window_.target(seq),
                  .release = window_.release(seq)},
                 {.adopts = adopts});
    LearnRows();
    row = 0;
  } else {
    MILLRACE_CHECK(planned_.rows[planned_.next].adopts == adopts);
    ++planned_.next;
  }
  const bool went_well = device_->Account(row);
  if (!went_well) planned_.next = planned_.rows.size();
  window_.Pop();
  if (!went_well) CatchUp();
}

template <typename T>
void StreamImpl<T>::PredictOnDevice(std::uint64_t seq) {
  int row = PlannedRowOf(seq, true);
  if (row == kNoRow) {
    device_->Clear();
    device_->AddPrediction(window_.cell_input(seq), window_.marks(seq).reset_before);
    RunRows();
    row = 0;
  } else if (!planned_.rows[planned_.next].learns) {
    ++planned_.next;
  }
  std::copy_n(device_->outputs(row), m_, window_.outputs(seq));
}

#define MILLRACE_INSTANTIATE(T)                                                             \
  template bool StreamImpl<T>::PlansOnDevice() const;                                       \
  template TargetRow<T> StreamImpl<T>::NextInputTarget(const StagedInput&, bool, T*) const; \
  template bool StreamImpl<T>::PlanRows();                                                  \
  template void StreamImpl<T>::TakePlanned();                                               \
  template void StreamImpl<T>::OnDevicePlanned(const Message&);                             \
  template void StreamImpl<T>::SettleOnDevice();                                            \
  template void StreamImpl<T>::LearnOldestOnDevice();                                       \
  template void StreamImpl<T>::PredictOnDevice(std::uint64_t);
MILLRACE_INSTANTIATE(float)
MILLRACE_INSTANTIATE(double)
#undef MILLRACE_INSTANTIATE

}  // namespace millrace::engine
