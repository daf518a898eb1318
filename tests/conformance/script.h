// A script: what is pushed into a stream, step by step, with the memory of it; and a player that
// makes events of it, in messages of any length, with targets on time or late.
//
// A script is a function of the model and the seed alone, so another process can make the same.
#ifndef MILLRACE_TESTS_CONFORMANCE_SCRIPT_H_
#define MILLRACE_TESTS_CONFORMANCE_SCRIPT_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/event.h"
#include "engine/model.h"
#include "engine/stream.h"

namespace millrace::conformance {

enum class TargetForm { kNone, kValues, kClass, kProbabilities };

struct ScriptStep {
  std::vector<float> x;  // [d]; empty for bytes and for a step without input
  std::uint8_t byte = 0;
  bool skip = false;
  TargetForm form = TargetForm::kNone;
  std::vector<float> values;  // [m] values or probabilities
  std::int32_t label = -1;
  float weight = 1;
  bool reset_before = false;
  bool score_only = false;
};

struct Script {
  bool bytes = false;
  bool targets = true;  // false: the next input is the target
  int inputs = 0, outputs = 0;
  std::vector<ScriptStep> steps;
};

// With everything the model allows: missing values, silent channels, steps without input, resets
// in band, scored steps, weights, outputs not known, classes and probabilities.
Script MakeScript(const engine::Model& model, std::uint64_t seed, int steps);

class Player {
 public:
  // How an event reaches the stream; by default Check, which must accept it, then Apply.
  using Send = std::function<void(const engine::Event&)>;

  Player(const Script* script, engine::Stream* stream);
  Player(const Player&) = delete;
  Player& operator=(const Player&) = delete;

  // Steps [from, to), 0-based, in messages of at most `per_message` steps; 0: as long as can be.
  void Observe(int from, int to, int per_message, bool with_targets = true);
  // One release: the targets of the steps [from, to), and none for those that have none.
  void Release(int from, int to);
  // One release of the one target of step t.
  void ReleaseTarget(int t);
  // Open steps before step `to` will get none.
  void ReleaseNothing(int to);
  void Settle();

  void set_send(Send send) { send_ = std::move(send); }
  // [step, m], as served, of all steps observed.
  const std::vector<float>& outputs() const { return outputs_; }

 private:
  // Steps from `from` that one message can hold.
  int Stretch(int from, int to, int per_message) const;
  void ObserveMessage(int from, int to, bool with_targets);
  void CollectOutputs();

  const Script* script_;
  engine::Stream* stream_;
  Send send_;
  engine::Outcome outcome_;
  std::vector<float> outputs_;
};

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_SCRIPT_H_
