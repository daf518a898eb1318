// Steps on a device. Where targets come with the observation and every step before is learned,
// predictor and learner are one, and the steps of a message are one run of the device: inputs are
// normalised and targets known before it, outputs are scored after it; those of other streams may
// go into the same launch. So are steps whose targets come later (stream_planned.cc). Events that
// set something find the stream on the host.
#include <algorithm>
#include <limits>

#include "engine/check.h"
#include "engine/device/devices.h"
#include "engine/device/lost.h"
#include "engine/stream_impl.h"
#include "kernels/ops.h"

namespace millrace::engine {
namespace {

// Steps of a run: memory for its rows is small, and a launch costs little beside so many.
constexpr std::uint64_t kStepsAtOnce = 256;

}  // namespace

template <typename T>
absl::Status StreamImpl<T>::AttachDevice(bool takes_steps) {
  absl::StatusOr<std::unique_ptr<DeviceLearner<T>>> device =
      MakeDeviceLearner<T>(*model_, &learner_, &hidden_);
  if (!device.ok()) return device.status();
  device_ = *std::move(device);
  if (device_ == nullptr) return absl::OkStatus();
  device_->Change(spec_);
  return takes_steps ? device_->CheckFits(Owner()) : absl::OkStatus();
}

template <typename T>
std::string StreamImpl<T>::numeric_path() const {
  return device_ == nullptr ? NumericPath() : NumericPathOf(device_->memory());
}

template <typename T>
void StreamImpl<T>::LeaveDevice() {
  if (device_ != nullptr) device_->LeaveToHost();
}

template <typename T>
void StreamImpl<T>::CopyFromDevice() const {
  if (device_ != nullptr) device_->ToHost();
}

template <typename T>
bool StreamImpl<T>::LearnsOnDevice() const {
  return device_ != nullptr && target_settings_.policy == TargetPolicy::kWithObservation &&
         window_.size() == 0;
}

template <typename T>
std::uint64_t StreamImpl<T>::StepsAtOnce() const {
  // A score may change what the next step does, and a frozen normaliser is that of its own step.
  const bool frozen_input = shadow_.taken() && monitor_.shadow_normaliser_frozen();
  return monitor_.acts_on_scores() || frozen_input ? 1 : kStepsAtOnce;
}

template <typename T>
typename StreamImpl<T>::OneStep StreamImpl<T>::StepAt(std::uint64_t seq) {
  const Observe& observe = *message_.observe;
  const std::uint64_t offset = seq - observe.first_seq;
  const auto listed = [offset](absl::Span<const std::uint32_t> offsets) {
    return std::binary_search(offsets.begin(), offsets.end(), static_cast<std::uint32_t>(offset));
  };
  OneStep step;
  if (!observe.floats.empty()) {
    step.x = observe.floats.data() + offset * static_cast<std::uint64_t>(d_);
  }
  if (!observe.raw_bytes.empty()) step.byte = observe.raw_bytes[offset];
  step.reset_before = listed(observe.reset_before);
  step.learn = !listed(observe.score_only);
  if (observe.targets.has_value()) step.target = RowOf(*observe.targets, offset, row_.data());
  return step;
}

template <typename T>
void StreamImpl<T>::PushSteps(std::uint64_t first, std::uint64_t last) {
  novelty_.clear();
  for (std::uint64_t seq = first; seq <= last; ++seq) {
    const OneStep step = StepAt(seq);
    if (step.x == nullptr && step.byte == kNoByte) ++skipped_steps_;
    Stage(step.x, step.byte, &staged_);
    novelty_.push_back(staged_.novelty);
    PushRow(seq, step, step.reset_before || reset_next_);
    reset_next_ = false;
  }
}

template <typename T>
void StreamImpl<T>::AddRows(std::uint64_t first, std::uint64_t last) {
  std::uint64_t units = units_;
  device_->Clear();
  for (std::uint64_t seq = first; seq <= last; ++seq) {
    const OneStep step = StepAt(seq);
    if (IsHeld(step.target.kind)) ++units;
    device_->Add({.seq = seq,
                  .input = window_.cell_input(seq),
                  .reset_before = window_.marks(seq).reset_before,
                  .learn = step.learn,
                  .target = step.target,
                  .release = units},
                 {.predicts = true, .adopts = true});
  }
}

template <typename T>
void StreamImpl<T>::BeginMessageOnDevice(const Message& message) {
  forwarded_seq_ = 0;  // step_ is the host's
  message_ = message;
  staged_first_ = applied_ + 1;
  staged_last_ = applied_;
}

template <typename T>
bool StreamImpl<T>::NextRows() {
  if (applied_ >= message_.last) return false;
  if (applied_ == staged_last_) {
    staged_first_ = applied_ + 1;
    staged_last_ = applied_ + std::min(message_.last - applied_, StepsAtOnce());
    PushSteps(staged_first_, staged_last_);
  }
  AddRows(applied_ + 1, staged_last_);
  return true;
}

template <typename T>
absl::Status StreamImpl<T>::TryRows() const {
  DeviceLearner<T>* const learner = device_.get();
  absl::Status status = RunTogether<T>(absl::MakeConstSpan(&learner, 1), nullptr);
  MILLRACE_CHECK(!status.ok() || learner->done() > 0);
  return status;
}

template <typename T>
void StreamImpl<T>::RunRows() {
  OrLost(TryRows());
}

template <typename T>
void StreamImpl<T>::LearnRows() {
  if (learner_timer_ != nullptr) learner_timer_->Begin();
  RunRows();
  if (learner_timer_ != nullptr) learner_timer_->End();
}

template <typename T>
void StreamImpl<T>::OnDevice(const Message& message) {
  BeginMessageOnDevice(message);
  while (NextRows()) {
    LearnRows();
    TakeResults();
  }
}

// The rows that were run, in order: predictions are scored, and the learner's counters follow.
template <typename T>
void StreamImpl<T>::TakeResults() {
  const Want& want = *message_.want;
  Outcome* const outcome = message_.outcome;
  for (int row = 0; row < device_->done(); ++row) {
    const std::uint64_t seq = applied_ + 1;
    const OneStep step = StepAt(seq);
    outcome->loss.push_back(std::numeric_limits<float>::quiet_NaN());
    if (want.shadow) outcome->shadow_loss.push_back(std::numeric_limits<float>::quiet_NaN());
    if (window_.marks(seq).reset_before) {
      std::fill(shadow_.hidden.begin(), shadow_.hidden.end(), T{0});
    }
    std::copy_n(device_->outputs(row), m_, window_.outputs(seq));
    applied_ = seq;
    PredictShadow(seq, step.x);
    FinishRow(seq, step, novelty_[seq - staged_first_], want, outcome);
    const bool went_well = device_->Account(row);
    window_.Pop();
    if (!went_well) hidden_ = learner_.hidden();
  }
}

template <typename T>
DeviceShare* StreamImpl<T>::share() {
  return device_ != nullptr ? this : nullptr;
}

template <typename T>
bool StreamImpl<T>::BeginRuns(const Event& event, const Want& want, Outcome* outcome) {
  const auto* const observe = std::get_if<Observe>(&event);
  if (observe == nullptr || (!LearnsOnDevice() && !PlansOnDevice())) {
    Apply(event, want, outcome);
    return false;
  }
  const kernels::FlushDenormals flush;
  BeginEvent(event, outcome);
  const std::uint64_t steps = BeginMessage(*observe, outcome).second;
  BeginMessageOnDevice({observe, &want, outcome, observe->first_seq + steps - 1});
  return true;
}

template <typename T>
bool StreamImpl<T>::StageRows() {
  const kernels::FlushDenormals flush;
  if (PlansOnDevice() ? PlanRows() : NextRows()) return true;
  EndEvent(message_.outcome);
  return false;
}

template <typename T>
void StreamImpl<T>::TakeRows() {
  const kernels::FlushDenormals flush;
  MILLRACE_CHECK(device_->done() > 0);
  if (PlansOnDevice()) return TakePlanned();
  TakeResults();
}

template <typename T>
absl::Status StreamImpl<T>::RunWith(absl::Span<DeviceShare* const> shares, Workers* workers) {
  std::vector<DeviceLearner<T>*> learners;
  learners.reserve(shares.size());
  for (DeviceShare* const share : shares) {
    learners.push_back(static_cast<StreamImpl*>(share)->device_.get());
  }
  return RunTogether<T>(learners, workers);
}

template <typename T>
absl::Status StreamImpl<T>::PeekOnDevice(const CellInput<T>& input) const {
  device_->Clear();
  device_->AddPeek(input);
  absl::Status run = TryRows();
  if (run.ok()) std::copy_n(device_->outputs(0), m_, y_.data());
  return run;
}

#define MILLRACE_INSTANTIATE(T)                                                  \
  template absl::Status StreamImpl<T>::AttachDevice(bool);                       \
  template std::string StreamImpl<T>::numeric_path() const;                      \
  template void StreamImpl<T>::BeginMessageOnDevice(const Message&);             \
  template typename StreamImpl<T>::OneStep StreamImpl<T>::StepAt(std::uint64_t); \
  template std::uint64_t StreamImpl<T>::StepsAtOnce() const;                     \
  template void StreamImpl<T>::RunRows();                                        \
  template void StreamImpl<T>::LearnRows();                                      \
  template absl::Status StreamImpl<T>::PeekOnDevice(const CellInput<T>&) const;  \
  template void StreamImpl<T>::LeaveDevice();                                    \
  template void StreamImpl<T>::CopyFromDevice() const;                           \
  template bool StreamImpl<T>::LearnsOnDevice() const;                           \
  template void StreamImpl<T>::OnDevice(const Message&);                         \
  template DeviceShare* StreamImpl<T>::share();                                  \
  template bool StreamImpl<T>::BeginRuns(const Event&, const Want&, Outcome*);   \
  template bool StreamImpl<T>::StageRows();                                      \
  template void StreamImpl<T>::TakeRows();                                       \
  template absl::Status StreamImpl<T>::RunWith(absl::Span<DeviceShare* const>, Workers*);
MILLRACE_INSTANTIATE(float)
MILLRACE_INSTANTIATE(double)
#undef MILLRACE_INSTANTIATE

}  // namespace millrace::engine
