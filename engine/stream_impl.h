// The stream, by number type: predictor, learner, shadow, window and monitor put together.
//
// The predictor advances on every observation with the weights of that moment; the learner trails
// it over the window and goes through closed steps, at most catch_up_steps an observation. Whenever
// the learner has caught up the predictor continues from its hidden state. With the target in the
// message of the observation the two are one: the learner takes over the predictor's forward pass.
#ifndef MILLRACE_ENGINE_STREAM_IMPL_H_
#define MILLRACE_ENGINE_STREAM_IMPL_H_

#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/aligned.h"
#include "engine/device/learner.h"
#include "engine/device/share.h"
#include "engine/input.h"
#include "engine/learner.h"
#include "engine/monitor.h"
#include "engine/stream.h"
#include "engine/target.h"
#include "engine/window.h"

namespace millrace::engine {

// The frozen copy that predicts beside the stream.
template <typename T>
struct Shadow {
  AlignedVector<T> theta;  // [p], empty until taken
  std::vector<T> hidden;   // [S] as the network says
  ContextTable<T> contexts;
  std::vector<double> mean, variance;  // [d], of a frozen normaliser

  bool taken() const { return !theta.empty(); }
  void Visit(StateVisitor& visitor);
};

template <typename T>
class StreamImpl final : public Stream, private DeviceShare {
 public:
  StreamImpl(std::shared_ptr<const Model> model, std::string id, std::uint64_t seed,
             const ModelSpec& spec, std::vector<NamedSetting> overrides);

  // Streams of a model whose device is none but the CPU learn there. RESOURCE_EXHAUSTED where the
  // device can never have room for one that takes steps.
  absl::Status AttachDevice(bool takes_steps);
  void Initialize();
  absl::Status LoadState(const Snapshot& snapshot);

  absl::Status Check(const Event& event) const override;
  bool Changes(const Event& event) const override;
  void Apply(const Event& event, const Want& want, Outcome* outcome) override;
  absl::Status PeekStep(const Peek& peek, Outcome* outcome) const override;
  Snapshot Save() const override;
  StreamStats Stats() const override;
  std::vector<NamedSetting> Overrides() const override { return overrides_; }

  const std::string& id() const override { return id_; }
  const Model& model() const override { return *model_; }
  std::uint64_t seed() const override { return seed_; }
  std::uint64_t event() const override { return event_; }
  std::uint64_t applied_seq() const override { return applied_; }
  std::uint64_t learned_seq() const override { return learner_.position(); }
  bool frozen() const override { return learner_.frozen(); }
  std::vector<std::uint64_t> HeldTargets() const override;
  bool resumed_inexactly() const override { return resumed_inexactly_; }
  std::int64_t ResidentBytes() const override;
  StreamBytes BytesByKind() const override;
  void TimeLearner(LearnerTimer* timer) override { learner_timer_ = timer; }
  const ParameterLayout& Layout() const override { return learner_.layout(); }
  std::int64_t WindowRowBytes() const override { return window_.row_bytes(); }
  std::string numeric_path() const override;
  DeviceShare* share() override;

 private:
  // One observed step, taken out of an Observe.
  struct OneStep {
    const float* x = nullptr;  // [d], or null
    std::int64_t byte = kNoByte;
    bool reset_before = false;
    bool learn = true;
    TargetRow<T> target{.kind = TargetKind::kOpen};
    bool continues = false;  // the next step of the message is staged, and no reset before it
  };
  // The input of a step as the network takes it: through the input stage, which sees each once.
  struct StagedInput {
    std::vector<double> z;              // [d]
    std::vector<std::uint8_t> present;  // [d]
    std::vector<T> dense;               // [d]
    double novelty = 0;
    CellInput<T> input = {};
  };

  // stream_check.cc: validation.
  absl::Status CheckObserve(const Observe& observe) const;
  absl::Status CheckInput(const Observe& observe) const;
  absl::Status CheckOffsets(const Observe& observe) const;
  absl::Status CheckBlock(const TargetBlock& block, std::uint64_t steps) const;
  absl::Status CheckBlockValues(const TargetBlock& block) const;
  absl::Status CheckServe(const Set& set) const;
  absl::Status CheckRoom(const Observe& observe) const;
  absl::Status CheckLateTargets(const LateTargets& late) const;
  // Whether each row of the block is new; counts the new ones, or says why it cannot be held.
  absl::Status CheckLateBlock(const TargetBlock& block, std::uint64_t* fresh) const;
  std::string Owner() const;  // "stream 'a'"
  std::uint64_t StepsOf(const Observe& observe) const;
  // Row `offset` of a block (the one row of a block that covers all), its values put in scratch.
  TargetRow<T> RowOf(const TargetBlock& block, std::uint64_t offset, T* scratch) const;

  // stream_apply.cc: events.
  void BeginEvent(const Event& event, Outcome* outcome);
  void EndEvent(Outcome* outcome);
  void On(const Observe& observe, const Want& want, Outcome* outcome);
  // Offset of the first step that is new, and the message's end.
  std::pair<std::uint64_t, std::uint64_t> BeginMessage(const Observe& observe, Outcome* outcome);
  void On(const LateTargets& late, Outcome* outcome);
  void On(const Set& set);
  void OnSettle();
  void OnReset();
  void OnUnfreeze();
  void TakeShadow();
  void Stage(const float* x, std::int64_t byte, StagedInput* staged);
  void Step(const OneStep& step, const Want& want, Outcome* outcome);
  // The parts of a step: its row in the window, with the staged input; what follows from the
  // outputs that stand there.
  void PushRow(std::uint64_t seq, const OneStep& step, bool reset);
  void FinishRow(std::uint64_t seq, const OneStep& step, double novelty, const Want& want,
                 Outcome* outcome);
  void PredictShadow(std::uint64_t seq, const float* x);
  void TakeTarget(std::uint64_t seq, const TargetRow<T>& target, Outcome* outcome);
  void CloseNextInput(bool continues, Outcome* outcome);
  // What the staged input `next` is as a target; values are put in scratch [m].
  TargetRow<T> NextInputTarget(const StagedInput& next, bool continues, T* values) const;
  void MakeRoom();
  // The learner runs over closed steps, at most `budget`; returns what is left of it.
  std::int64_t RunLearner(std::int64_t budget);
  void LearnOldest();
  void CatchUp();
  void PredictStep(std::uint64_t seq, const float* x);
  // What the shadow's cell takes where the live one takes `live`: the same, but for a normaliser
  // that is frozen with the shadow. x [d], or null.
  CellInput<T> ShadowInput(const CellInput<T>& live, const float* x) const;
  std::optional<double> Disagreement(std::uint64_t seq);
  void EmitRow(std::uint64_t seq, const Want& want, double novelty,
               std::optional<double> disagreement, Outcome* outcome);

  // stream_device.cc: messages on a device, some steps at once.
  struct Message {
    const Observe* observe;
    const Want* want;
    Outcome* outcome;
    std::uint64_t last = 0;  // number of its last step
  };
  bool LearnsOnDevice() const;
  // Steps that may be taken before the first of them is scored.
  std::uint64_t StepsAtOnce() const;
  void OnDevice(const Message& message);
  void BeginMessageOnDevice(const Message& message);
  // The rows of the message's next run; false: there are none left.
  bool NextRows();
  void TakeResults();
  // Input and rows of the steps [first, last], and what the device is to do with them.
  void PushSteps(std::uint64_t first, std::uint64_t last);
  void AddRows(std::uint64_t first, std::uint64_t last);
  // A step of the message; values of its target are put in scratch.
  OneStep StepAt(std::uint64_t seq);
  // Of this stream alone; what fails is lost; and told to the timer.
  absl::Status TryRows() const;
  void RunRows();
  void LearnRows();
  // DeviceShare.
  bool BeginRuns(const Event& event, const Want& want, Outcome* outcome) override;
  bool StageRows() override;
  void TakeRows() override;
  const void* kind() const override { return device_->plan(); }
  absl::Status RunWith(absl::Span<DeviceShare* const> shares, Workers* workers) override;
  // stream_planned.cc: what steps whose targets come later will have of the device.
  struct PlannedTarget {
    TargetKind kind = TargetKind::kOpen;
    std::uint64_t release = 0;
  };
  struct PlannedStep {
    StagedInput input;
    bool reset = false;
    PlannedTarget target;
  };
  struct PlannedRow {
    std::uint64_t seq = 0;
    bool predicts = false, learns = false;
    bool adopts = false;  // the predictor goes on from the learner's state
  };
  struct Planned {
    std::vector<PlannedStep> steps;  // staged_first_ to staged_last_
    PlannedTarget newest;            // of the step before the plan
    std::vector<PlannedRow> rows;
    std::size_t next = 0;  // of the rows, to be taken
    std::uint64_t oldest = 0, units = 0;
    std::uint64_t last = 0;  // step that the plan goes to
  };
  bool PlansOnDevice() const;
  void OnDevicePlanned(const Message& message);
  // The rows of the message's next run; false: there are none left.
  bool PlanRows();
  void TakePlanned();
  void SettleOnDevice();
  void StagePlanned();
  void BeginPlan();
  void PlanStep(std::uint64_t seq);
  void PlanLearning(std::uint64_t seq, bool adopts);
  void AddPlanned(const PlannedRow& row);
  PlannedStep& PlannedAt(std::uint64_t seq) {
    return planned_.steps[static_cast<std::size_t>(seq - staged_first_)];
  }
  // Of a step after the plan's beginning, or the one before it.
  PlannedTarget* PlannedTargetAt(std::uint64_t seq);
  TargetKind PlannedKind(std::uint64_t seq);
  TargetRow<T> TargetOfPlanned(std::uint64_t seq);
  int PlannedRowOf(std::uint64_t seq, bool predicts) const;
  // By the planned row, or a launch of its own.
  void LearnOldestOnDevice();
  void PredictOnDevice(std::uint64_t seq);
  absl::Status PeekOnDevice(const CellInput<T>& input) const;
  // State on the device comes to the host; it is the host that goes on.
  void LeaveDevice();
  void CopyFromDevice() const;

  // stream_score.cc: scoring of what was issued. NaN where it is not scored.
  struct UnitLoss {
    double served = std::numeric_limits<double>::quiet_NaN();
    double shadow = std::numeric_limits<double>::quiet_NaN();
  };
  UnitLoss Score(std::uint64_t seq);
  void Report(const UnitLoss& loss, Outcome* outcome);
  void EndUnit(std::uint64_t seq);

  void Visit(StateVisitor& visitor);
  std::int64_t ScratchBytes() const;

  std::shared_ptr<const Model> model_;
  std::string id_;
  std::uint64_t seed_;
  ModelSpec spec_;  // with overrides
  std::vector<NamedSetting> overrides_;
  TargetSettings target_settings_;
  bool score_inferred_;
  std::int64_t d_, m_;

  // State.
  InputStage input_;
  Learner<T> learner_;
  Monitor monitor_;
  Window<T> window_;
  Shadow<T> shadow_;
  std::vector<T> hidden_;    // [S] of the predictor
  bool reset_next_ = false;  // the next step begins with a reset
  std::uint64_t event_ = 0, applied_ = 0, units_ = 0;
  std::uint64_t skipped_steps_ = 0, target_steps_ = 0, untargeted_steps_ = 0;
  bool resumed_inexactly_ = false;

  LearnerTimer* learner_timer_ = nullptr;

  // Scratch.
  mutable NetworkStep<T> step_, shadow_step_;
  mutable StagedInput staged_;  // of the present step
  StagedInput next_staged_;
  // The step and its input that the learner may prepare for; null: it is not known.
  std::uint64_t upcoming_seq_ = 0;
  const CellInput<T>* upcoming_ = nullptr;
  // The step whose forward pass step_ holds, made with what the learner has now; 0: none.
  mutable std::uint64_t forwarded_seq_ = 0;
  mutable std::vector<double> z_;                   // [d]
  mutable std::vector<T> shadow_z_;                 // [d]
  mutable std::vector<T> y_, row_, probabilities_;  // [m]
  std::vector<double> residual_;                    // [m]
  std::vector<double> novelty_;                     // of the steps that a device takes at once
  Message message_ = {};                            // that they are of
  std::uint64_t staged_first_ = 0;                  // the number of the first of them
  std::uint64_t staged_last_ = 0;
  Planned planned_;

  // Null where the stream learns on the CPU. Refers to learner and hidden state.
  std::unique_ptr<DeviceLearner<T>> device_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_STREAM_IMPL_H_
