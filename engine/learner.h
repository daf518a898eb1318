// The learner: hidden state, sensitivities, weights and optimizer slots of one stream, at the
// oldest step that is still open. It goes through steps in order, each with its target or without.
//
// One step: [reset] -> forward -> loss and q = dL/dh -> the rule takes the step into the
// sensitivities and forms the gradient -> clip, optimizer, bounds -> weights. Without a target,
// frozen, or with weight 0 it stops after the sensitivities. Thread-compatible. Nothing is
// allocated after construction.
#ifndef MILLRACE_ENGINE_LEARNER_H_
#define MILLRACE_ENGINE_LEARNER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/ahead.h"
#include "engine/aligned.h"
#include "engine/diagnostics/sampler.h"
#include "engine/gradient.h"
#include "engine/guard.h"
#include "engine/losses/list.h"
#include "engine/network.h"
#include "engine/optimizers/list.h"
#include "engine/rules/list.h"
#include "engine/spec.h"
#include "engine/state.h"
#include "engine/stats.h"
#include "engine/updater.h"

namespace millrace::engine {

// One closed step as the learner takes it.
template <typename T>
struct LearnerStep {
  std::uint64_t seq = 0;
  CellInput<T> input;
  bool reset_before = false;
  bool learn = true;  // false: scored only
  TargetRow<T> target;
  std::uint64_t release = 0;  // number of the unit the target came with
  // The input of the next step where it is known, no reset comes before it, and what it points to
  // stays until then: half of its forward pass is made on the way.
  const CellInput<T>* next = nullptr;
};

// The forward pass of a step that is to be learned, made before with the weights and the hidden
// state that the learner has.
template <typename T>
struct Forwarded {
  const NetworkStep<T>* step = nullptr;  // null: it was not made
  const T* outputs = nullptr;            // [m], the contexts included
};

template <typename T>
class DeviceLearner;

template <typename T>
class Learner {
 public:
  // `seed` is the stream's: of the initial weights and of what a rule draws.
  Learner(const ModelSpec& spec, std::int64_t inputs, std::uint64_t seed);

  // Initial weights; everything else zero.
  void Initialize();
  // New rates, decays, clips. State is kept; a rule whose state changes size starts it at zero.
  void Change(const ModelSpec& spec);

  void Step(const LearnerStep<T>& step, const Forwarded<T>& forwarded);
  // True if the sums of step `seq` were formed with the present weights from the present hidden
  // state: *cell then has them, for Network::FinishForward. Once for each.
  bool TakeSums(std::uint64_t seq, CellStep<T>* cell);

  void Freeze(bool frozen) { frozen_ = frozen; }
  bool frozen() const { return frozen_; }
  bool has_good_copy() const { return good_copy_held_; }
  // Weights, slots and what a closed-form head has gathered from the last good copy: its weights
  // follow from that, so the two come back together. Hidden state and sensitivities zero.
  void Restore();

  const Network<T>& network() const { return network_; }
  const ParameterLayout& layout() const { return network_.layout(); }
  const Loss<T>& loss() const { return *loss_; }
  const AlignedVector<T>& weights() const { return weights_.theta; }  // [p]
  const ContextTable<T>& contexts() const { return contexts_; }
  const std::vector<T>& hidden() const { return hidden_; }  // [S] as the network says
  std::uint64_t position() const { return position_; }      // last step passed

  void Fill(StreamStats* stats) const;
  void Visit(StateVisitor& visitor);

 private:
  // Takes steps on a device in its place, and leaves here what they made of it.
  friend class DeviceLearner<T>;

  void ZeroState();
  bool Learns(const LearnerStep<T>& step) const;
  // The weight of the target in the loss, class balance included.
  double TargetWeight(const TargetRow<T>& target);
  double ErrorNorm() const;  // |dL/dy|_1, where the optimizer asks for it
  void Update(const LearnerStep<T>& step, const NetworkStep<T>& forward, double weight);
  // Takes the step into the sensitivities; gradient_ is what they and the head make of dy_.
  void FormGradient(const NetworkStep<T>& forward, const ActiveColumns& active, bool sparse,
                    bool sampled);
  // Whether the gradient stays in the rule's traces.
  bool Traces() const;
  // For the next step's forward pass, or null where it is not made ahead.
  Ahead<T>* BeginAhead(const LearnerStep<T>& step);
  // Memory for a gradient that has to be written out.
  void SizeGradient();
  ActiveColumns Active(const LearnerStep<T>& step, bool sparse);
  void CapSensitivities();
  // No input, or no channel of it: a closed-form head learns nothing from such a step.
  bool Silent(const LearnerStep<T>& step) const;
  void Diverged();
  void KeepGoodCopy();

  // Hyper-parameters.
  std::uint64_t seed_;
  Network<T> network_;
  std::unique_ptr<Loss<T>> loss_;
  std::unique_ptr<Rule<T>> rule_;
  std::unique_ptr<Optimizer<T>> optimizer_;
  GuardSettings guard_;
  bool balance_ = false;
  double balance_decay_ = 1;

  // State.
  Weights<T> weights_;
  std::vector<T> hidden_;             // [S]
  AlignedVector<T> rule_state_;       // as the rule says
  std::vector<T> constants_;          // as the rule says
  std::vector<T> head_state_;         // of a closed-form head
  std::vector<double> class_counts_;  // [m] where classes are balanced
  ContextTable<T> contexts_;
  Weights<T> good_;
  std::vector<T> good_head_;
  bool good_copy_held_ = false;
  bool frozen_ = false;
  std::uint64_t position_ = 0;
  std::uint64_t last_divergence_ = 0;  // position, 0: none
  std::uint64_t updates_ = 0, refused_ = 0, clipped_ = 0, divergences_ = 0, restores_ = 0;
  std::uint64_t resets_ = 0, inferred_ = 0;
  Updater<T> updater_;
  DiagnosticSampler<T> diagnostics_;

  // Scratch.
  NetworkStep<T> step_;
  CellStep<T> next_cell_;  // sums of step sums_seq_, 0: of none
  std::uint64_t sums_seq_ = 0;
  Ahead<T> ahead_;
  Gradient<T> gradient_;
  std::vector<T> y_, dy_, df_, g_;
  std::vector<std::uint8_t> known_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_LEARNER_H_
