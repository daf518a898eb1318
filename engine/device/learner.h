// A learner on a device: takes the rows of a message there, and brings its state back where the
// host needs it.
//
// The learner that it belongs to stays whole on the host: its tensors are where state goes when a
// slot is given up, when a snapshot is taken, and before any event that the device has no code for.
// Which of the two is the newer one is known here. Counters and figures are the host's always.
//
//   device.Clear();
//   for (...) device.Add({...});
//   RunTogether({&device}, nullptr);
//   for (int r = 0; r < device.done(); ++r) ...device.outputs(r), device.status(r)...
//
// Thread-compatible, as the stream is; another stream's thread may page it out in between.
#ifndef MILLRACE_ENGINE_DEVICE_LEARNER_H_
#define MILLRACE_ENGINE_DEVICE_LEARNER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "engine/device/memory.h"
#include "engine/device/plan.h"
#include "engine/learner.h"
#include "kernels/device/work.h"

namespace millrace::engine {

class Workers;

template <typename T>
class DeviceLearner final : public DeviceMemory::Resident {
 public:
  // `predicted` is the predictor's hidden state [S]. Both outlive this, which nothing moves.
  DeviceLearner(std::shared_ptr<DeviceMemory> memory, std::shared_ptr<const DevicePlan<T>> plan,
                Learner<T>* learner, std::vector<T>* predicted);
  ~DeviceLearner() override;

  // New rates, decays, clips.
  void Change(const ModelSpec& spec) { settings_ = DeviceSettings<T>(spec); }

  // What else a row does than learn.
  struct Also {
    bool predicts = false;  // outputs are wanted
    bool adopts = false;    // the predictor goes on from the learner's state
  };

  // The rows of the next run.
  void Clear();
  // The target's weight counts from here on, as in Learner::Step.
  void Add(const LearnerStep<T>& step, const Also& also);
  // The predictor alone takes the step, after a reset if asked for; or looks at it and stays.
  void AddPrediction(const CellInput<T>& input, bool reset);
  void AddPeek(const CellInput<T>& input);
  int rows() const { return static_cast<int>(rows_.size()); }

  // Of the run.
  int done() const { return done_; }
  const T* outputs(int row) const { return outputs_.data() + row * plan_->plan().shape.m; }  // [m]
  // Counters and figures of the learner take row `row` over. False where the step diverged: the
  // learner is on the host then, as Learner::Step leaves it, and rows after it were not taken.
  bool Account(int row);

  // State of the device, if it is newer, comes to the host, and stays there too.
  void ToHost();
  // The same, and the host goes on from there.
  void LeaveToHost();
  absl::Status PageOut(void* slot) override;

  const DeviceMemory& memory() const { return *memory_; }
  // RESOURCE_EXHAUSTED where its state can never have room there.
  absl::Status CheckFits(const std::string& owner) const {
    return memory_->CheckFits(slot_bytes(), owner);
  }
  // One of all that can be run together.
  const DevicePlan<T>* plan() const { return plan_.get(); }

 private:
  template <typename U>
  friend absl::Status RunTogether(absl::Span<DeviceLearner<U>* const> learners, Workers* workers);
  struct Packed;

  static absl::Status RunPinned(absl::Span<DeviceLearner* const> learners,
                                const std::vector<void*>& slots, Workers* workers);
  // The updater's figures, as the device has them.
  kernels::device::UpdateState UpdateOf() const;
  void TakeUpdate(const kernels::device::UpdateState& update);
  // A row with its input; target and flags are to be filled in.
  kernels::device::Row& AddRow(const CellInput<T>& input);
  std::int64_t slot_bytes() const { return plan_->layout().bytes; }
  // What the rows and their results take in a launch, about.
  std::int64_t row_bytes() const {
    return static_cast<std::int64_t>(rows_.size() * sizeof(rows_[0]) + present_.size() +
                                     (inputs_.size() + 2 * targets_.size()) * sizeof(T));
  }
  void Upload(void* slot);
  void Download(void* slot);
  // Staging that has room for the whole state, in the order of the slot; none where that is large
  // and its parts go one by one.
  DeviceMemory::Staging StateStaging();
  // f(device offset, host memory, bytes) for each part of the state; of the rule's it is that of
  // bf16, [rule_state], where the slot keeps it so.
  template <typename F>
  void EachPart(std::vector<std::uint16_t>* bf16, const F& f);

  std::shared_ptr<DeviceMemory> memory_;
  std::shared_ptr<const DevicePlan<T>> plan_;
  Learner<T>* learner_;
  std::vector<T>* predicted_;
  kernels::device::Settings<T> settings_;
  bool device_newer_ = false;  // the host's tensors are old
  bool device_valid_ = false;  // the slot holds the state

  // Of the run.
  std::vector<kernels::device::Row> rows_;
  std::vector<LearnerStep<T>> steps_;
  std::vector<T> inputs_, targets_, outputs_;
  std::vector<std::uint8_t> present_;
  std::vector<unsigned char> status_;
  std::vector<double> counts_;  // class counts before the rows
  int done_ = 0;
  // After it; the learner's once its rows are taken over.
  kernels::device::UpdateState update_ = {};
};

// Runs the rows of all of them, which have one plan, in as few launches as memory allows; rows are
// packed by the workers where there are some. Nothing of their learners changes before Account.
// UNAVAILABLE where the device has failed: what was on it is lost.
template <typename T>
absl::Status RunTogether(absl::Span<DeviceLearner<T>* const> learners, Workers* workers);

extern template class DeviceLearner<float>;
extern template class DeviceLearner<double>;

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_DEVICE_LEARNER_H_
