#include "engine/device/learner.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/check.h"
#include "engine/device/lost.h"
#include "engine/device/status.h"
#include "kernels/math/rounding.h"

namespace millrace::engine {
namespace {

namespace device = kernels::device;

// State up to this goes in one copy.
constexpr std::int64_t kGatheredBytes = std::int64_t{4} << 20;

}  // namespace

template <typename T>
DeviceLearner<T>::DeviceLearner(std::shared_ptr<DeviceMemory> memory,
                                std::shared_ptr<const DevicePlan<T>> plan, Learner<T>* learner,
                                std::vector<T>* predicted)
    : memory_(std::move(memory)), plan_(std::move(plan)), learner_(learner), predicted_(predicted) {
  MILLRACE_CHECK(static_cast<std::int64_t>(learner_->rule_state_.size()) ==
                 plan_->plan().rule_state);
}

template <typename T>
DeviceLearner<T>::~DeviceLearner() {
  memory_->Release(this);
}

template <typename T>
void DeviceLearner<T>::Clear() {
  rows_.clear();
  steps_.clear();
  inputs_.clear();
  present_.clear();
  targets_.clear();
  counts_ = learner_->class_counts_;
  done_ = 0;
}

template <typename T>
device::Row& DeviceLearner<T>::AddRow(const CellInput<T>& input) {
  using device::Row;
  const device::Shape& shape = plan_->plan().shape;
  const auto next = [](auto* values, int count) {
    values->resize(values->size() + static_cast<std::size_t>(count));
    return values->data() + values->size() - count;
  };
  Row row = {};
  row.byte = row.label = device::kNone;
  T* const x = next(&inputs_, shape.d);
  std::uint8_t* const present = next(&present_, shape.d);
  if (input.dense != nullptr) {
    row.flags |= Row::kDense;
    std::copy_n(input.dense, shape.d, x);
  } else {
    row.byte = static_cast<std::int32_t>(input.byte);
  }
  if (input.present != nullptr) {
    row.flags |= Row::kMasked;
    std::copy_n(input.present, shape.d, present);
  }
  next(&targets_, shape.m);
  rows_.push_back(row);
  return rows_.back();
}

template <typename T>
void DeviceLearner<T>::AddPrediction(const CellInput<T>& input, bool reset) {
  using device::Row;
  AddRow(input).flags |= Row::kPredicts | Row::kAdopts | (reset ? Row::kReset : 0U);
  steps_.push_back({});
}

template <typename T>
void DeviceLearner<T>::AddPeek(const CellInput<T>& input) {
  using device::Row;
  AddRow(input).flags |= Row::kPredicts | Row::kPeeks;
}

template <typename T>
void DeviceLearner<T>::Add(const LearnerStep<T>& step, const Also& also) {
  using device::Row;
  const device::Shape& shape = plan_->plan().shape;
  Row& row = AddRow(step.input);
  row.flags |= Row::kPasses;
  if (step.reset_before) row.flags |= Row::kReset;
  if (also.predicts) row.flags |= Row::kPredicts;
  if (also.adopts) row.flags |= Row::kAdopts;
  T* const values = targets_.data() + targets_.size() - shape.m;
  const TargetRow<T>& target = step.target;
  if (target.values != nullptr) std::copy_n(target.values, shape.m, values);
  if (IsHeld(target.kind)) row.scale = learner_->TargetWeight(target);
  if (learner_->Learns(step)) row.flags |= Row::kLearns;
  if (target.kind == TargetKind::kClass) {
    row.target = device::TargetForm::kClass;
    row.label = static_cast<std::int32_t>(target.label);
  } else if (target.kind == TargetKind::kProbabilities) {
    row.target = device::TargetForm::kProbabilities;
  } else if (target.kind == TargetKind::kValues) {
    row.target = device::TargetForm::kValues;
    const auto known = std::count_if(values, values + shape.m, [](T v) { return v == v; });
    row.scale = 2.0 * row.scale / static_cast<double>(known);
  }
  const std::int64_t good_every = learner_->guard_.good_every;
  if (good_every > 0 && step.seq % static_cast<std::uint64_t>(good_every) == 0) {
    row.flags |= Row::kKeepsGood;
  }
  row.release = step.release;
  steps_.push_back(step);
}

template <typename T>
bool DeviceLearner<T>::Account(int row) {
  using device::Status;
  const LearnerStep<T>& step = steps_[static_cast<std::size_t>(row)];
  const unsigned char status = status_[static_cast<std::size_t>(row)];
  Learner<T>& learner = *learner_;
  TakeUpdate(update_);
  learner.sums_seq_ = 0;  // of the host
  if (step.reset_before) ++learner.resets_;
  learner.position_ = step.seq;
  if ((status & Status::kUpdated) != 0) {
    ++learner.updates_;
    if (step.target.inferred) ++learner.inferred_;
  }
  if ((status & Status::kClipped) != 0) ++learner.clipped_;
  if ((status & Status::kGood) != 0) learner.good_copy_held_ = true;
  if ((status & (Status::kStateBad | Status::kUpdateBad)) == 0) return true;

  LeaveToHost();
  // Of the rows that were not taken, no target has counted.
  learner.class_counts_ = counts_;
  const bool passed = (status & Status::kUpdateBad) != 0;
  for (int r = 0; r < row + (passed ? 1 : 0); ++r) {
    TargetRow<T> target = steps_[static_cast<std::size_t>(r)].target;
    target.values = targets_.data() + r * plan_->plan().shape.m;
    if (IsHeld(target.kind)) learner.TargetWeight(target);
  }
  learner.Diverged();
  const auto good_every = static_cast<std::uint64_t>(learner.guard_.good_every);
  if (passed && good_every > 0 && step.seq % good_every == 0) learner.KeepGoodCopy();
  return false;
}

template <typename T>
template <typename F>
void DeviceLearner<T>::EachPart(std::vector<std::uint16_t>* bf16, const F& f) {
  const SlotLayout& at = plan_->layout();
  const auto part = [&](std::int64_t offset, auto& values) {
    if (offset < 0 || values.empty()) return;
    f(offset, static_cast<void*>(values.data()),
      static_cast<std::int64_t>(values.size() * sizeof(values[0])));
  };
  const auto weights = [&](Weights<T>& of, const std::int64_t(&offsets)[5]) {
    part(offsets[0], of.theta);
    part(offsets[1], of.slot1);
    part(offsets[2], of.slot2);
    part(offsets[3], of.power1);
    part(offsets[4], of.power2);
  };
  weights(learner_->weights_, {at.theta, at.slot1, at.slot2, at.power1, at.power2});
  weights(learner_->good_,
          {at.good_theta, at.good_slot1, at.good_slot2, at.good_power1, at.good_power2});
  part(at.hidden, learner_->hidden_);
  part(at.predicted, *predicted_);
  bf16->empty() ? part(at.rule, learner_->rule_state_) : part(at.rule, *bf16);
}

template <typename T>
device::UpdateState DeviceLearner<T>::UpdateOf() const {
  const Updater<T>& updater = learner_->updater_;
  device::UpdateState update = {};
  update.release = updater.release_;
  update.applied = updater.applied_;
  std::copy_n(updater.release_change_.begin(), kGroups, update.release_change);
  std::copy_n(updater.gradient_norm_.begin(), kGroups, update.gradient_norm);
  std::copy_n(updater.relative_change_.begin(), kGroups, update.relative_change);
  return update;
}

template <typename T>
void DeviceLearner<T>::TakeUpdate(const device::UpdateState& update) {
  Updater<T>& updater = learner_->updater_;
  updater.release_ = update.release;
  updater.applied_ = update.applied;
  std::copy_n(update.release_change, kGroups, updater.release_change_.begin());
  std::copy_n(update.gradient_norm, kGroups, updater.gradient_norm_.begin());
  std::copy_n(update.relative_change, kGroups, updater.relative_change_.begin());
}

template <typename T>
DeviceMemory::Staging DeviceLearner<T>::StateStaging() {
  const std::int64_t bytes = plan_->layout().state_bytes;
  if (bytes > kGatheredBytes) return {};
  absl::StatusOr<DeviceMemory::Staging> staging = memory_->LeaseStaging(bytes);
  return staging.ok() ? *staging : DeviceMemory::Staging{};
}

template <typename T>
void DeviceLearner<T>::Upload(void* slot) {
  device::Backend& backend = memory_->backend();
  std::vector<std::uint16_t> bf16(plan_->keeps_bf16() ? learner_->rule_state_.size() : 0);
  for (std::size_t i = 0; i < bf16.size(); ++i) {
    bf16[i] = kernels::RoundToBf16(static_cast<float>(learner_->rule_state_[i]));
  }
  const DeviceMemory::Staging staging = StateStaging();
  if (staging.host == nullptr) {
    EachPart(&bf16, [&](std::int64_t offset, void* host, std::int64_t bytes) {
      OrLost(backend.ToDevice(host, bytes, static_cast<unsigned char*>(slot) + offset));
    });
    OrLost(backend.Wait());
  } else {
    std::memset(staging.host, 0, static_cast<std::size_t>(plan_->layout().state_bytes));
    EachPart(&bf16, [&](std::int64_t offset, void* host, std::int64_t bytes) {
      std::memcpy(staging.host + offset, host, static_cast<std::size_t>(bytes));
    });
    OrLost(backend.ToDevice(staging.host, plan_->layout().state_bytes, slot));
    OrLost(backend.Wait());
    memory_->ReturnStaging(staging);
  }
  device_valid_ = true;
  device_newer_ = false;
}

template <typename T>
void DeviceLearner<T>::Download(void* slot) {
  device::Backend& backend = memory_->backend();
  std::vector<std::uint16_t> bf16(plan_->keeps_bf16() ? learner_->rule_state_.size() : 0);
  const DeviceMemory::Staging staging = StateStaging();
  if (staging.host == nullptr) {
    EachPart(&bf16, [&](std::int64_t offset, void* host, std::int64_t bytes) {
      OrLost(backend.ToHost(static_cast<unsigned char*>(slot) + offset, bytes, host));
    });
  } else {
    OrLost(backend.ToHost(slot, plan_->layout().state_bytes, staging.host));
    EachPart(&bf16, [&](std::int64_t offset, void* host, std::int64_t bytes) {
      std::memcpy(host, staging.host + offset, static_cast<std::size_t>(bytes));
    });
    memory_->ReturnStaging(staging);
  }
  for (std::size_t i = 0; i < bf16.size(); ++i) {
    learner_->rule_state_[i] = kernels::WidenBf16(bf16[i]);
  }
  learner_->updater_.Renew();
  device_newer_ = false;
}

template <typename T>
void DeviceLearner<T>::ToHost() {
  void* const slot = memory_->Hold(this);
  if (device_newer_) Download(slot);
  memory_->Unpin(this);
}

template <typename T>
void DeviceLearner<T>::LeaveToHost() {
  ToHost();
  device_valid_ = false;
}

template <typename T>
absl::Status DeviceLearner<T>::PageOut(void* slot) {
  if (device_newer_) Download(slot);
  device_valid_ = false;
  return absl::OkStatus();
}

template class DeviceLearner<float>;
template class DeviceLearner<double>;

}  // namespace millrace::engine
