#include "tests/conformance/script.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "tests/support/numbers.h"

namespace millrace::conformance {
namespace {

using engine::Event;
using engine::LateTargets;
using engine::TargetBlock;
using testing_support::Numbers;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
// Steps whose targets have the same form: a message holds one form.
constexpr int kFormStretch = 10;

void DrawInput(const engine::PartSpec& input, int inputs, int t, Numbers* numbers,
               ScriptStep* step) {
  if (input.name == "bytes") {
    // A small alphabet, so that bytes come back.
    step->byte = static_cast<std::uint8_t>(97 + numbers->Index(7));
    return;
  }
  const bool counts = input.Text("transform") != "none";
  const bool missing = input.Text("missing") == "allowed";
  for (int c = 0; c < inputs; ++c) {
    double value = std::sin(0.21 * t + c) + numbers->Between(-0.5, 0.5);
    if (counts) value = std::floor(std::abs(4 * value));
    // One channel stands still for a while.
    if (c == 1 && t % 40 >= 20 && t % 40 < 32) value = 3;
    // A glitch, which the normaliser bounds once it has seen a hundred values.
    if (input.Flag("normalise") && numbers->Chance(0.01)) value = 4000;
    step->x.push_back(static_cast<float>(value));
    if (missing && numbers->Chance(0.1)) step->x.back() = kNan;
  }
}

void DrawTarget(const engine::Model& model, int t, Numbers* numbers, ScriptStep* step) {
  const int outputs = static_cast<int>(model.sizes().outputs);
  if (!numbers->Chance(0.8)) return;
  step->weight = std::vector<float>{1, 1, 0.5F, 2, 0}[static_cast<std::size_t>(numbers->Index(5))];
  if (!model.classification()) {
    step->form = TargetForm::kValues;
    for (int k = 0; k < outputs; ++k) {
      double value = std::cos(0.13 * t + 2 * k) + numbers->Between(-0.3, 0.3);
      if (model.spec().loss.name == "poisson") value = std::floor(std::abs(4 * value));
      if (model.spec().loss.name == "binary_cross_entropy") value = value > 0 ? 1 : 0;
      step->values.push_back(numbers->Chance(0.15) ? kNan : static_cast<float>(value));
    }
    // A row that is unknown throughout is no target.
    step->values[static_cast<std::size_t>(t % outputs)] = static_cast<float>(0.25 * (t % 3));
  } else if (t / kFormStretch % 3 == 2 && model.spec().head.name != "gaussian") {
    step->form = TargetForm::kProbabilities;
    step->values.assign(static_cast<std::size_t>(outputs), 0.0F);
    // Sums to 1 in every number type.
    for (const float part : {0.5F, 0.25F, 0.25F}) {
      step->values[static_cast<std::size_t>(numbers->Index(outputs))] += part;
    }
  } else {
    step->form = TargetForm::kClass;
    step->label = numbers->Chance(0.7) ? 0 : numbers->Index(outputs);
  }
}

}  // namespace

Script MakeScript(const engine::Model& model, std::uint64_t seed, int steps) {
  Numbers numbers(seed);
  const engine::ModelSpec& spec = model.spec();
  Script script;
  script.bytes = model.byte_inputs();
  script.targets = spec.target.name != "next_input";
  script.inputs = static_cast<int>(model.sizes().inputs);
  script.outputs = static_cast<int>(model.sizes().outputs);
  for (int t = 0; t < steps; ++t) {
    ScriptStep step;
    step.skip = numbers.Chance(0.04);
    step.reset_before = numbers.Chance(0.03);
    step.score_only = numbers.Chance(0.06);
    if (!step.skip) DrawInput(spec.input, script.inputs, t, &numbers, &step);
    if (script.targets) DrawTarget(model, t, &numbers, &step);
    script.steps.push_back(std::move(step));
  }
  return script;
}

// Owns what a block of targets views.
struct BlockMemory {
  std::vector<float> values, probabilities, weights;
  std::vector<std::int32_t> classes;
};

namespace {

TargetForm FormOf(const Script& script, int from, int to) {
  for (int t = from; t < to; ++t) {
    if (script.steps[static_cast<std::size_t>(t)].form != TargetForm::kNone) {
      return script.steps[static_cast<std::size_t>(t)].form;
    }
  }
  return TargetForm::kNone;
}

// Steps [from, to), whose targets have one form. A step without a target says so in its row.
TargetBlock MakeBlock(const Script& script, int from, int to, BlockMemory* memory) {
  const TargetForm form = FormOf(script, from, to);
  for (int t = from; t < to; ++t) {
    const ScriptStep& step = script.steps[static_cast<std::size_t>(t)];
    const bool none = step.form == TargetForm::kNone;
    memory->weights.push_back(step.weight);
    if (form == TargetForm::kClass) {
      memory->classes.push_back(none ? -1 : step.label);
      continue;
    }
    std::vector<float>& rows = form == TargetForm::kValues ? memory->values : memory->probabilities;
    const std::vector<float> row =
        none ? std::vector<float>(static_cast<std::size_t>(script.outputs), kNan) : step.values;
    rows.insert(rows.end(), row.begin(), row.end());
  }
  TargetBlock block;
  block.first_seq = static_cast<std::uint64_t>(from) + 1;
  block.steps = static_cast<std::uint32_t>(to - from);
  block.values = memory->values;
  block.classes = memory->classes;
  block.probabilities = memory->probabilities;
  block.weights = memory->weights;
  return block;
}

}  // namespace

Player::Player(const Script* script, engine::Stream* stream) : script_(script), stream_(stream) {
  send_ = [this](const Event& event) {
    const absl::Status status = stream_->Check(event);
    ASSERT_TRUE(status.ok()) << status;
    stream_->Apply(event, engine::Want{}, &outcome_);
    if (std::holds_alternative<engine::Observe>(event)) CollectOutputs();
  };
}

void Player::CollectOutputs() {
  outputs_.insert(outputs_.end(), outcome_.outputs.begin(), outcome_.outputs.end());
}

int Player::Stretch(int from, int to, int per_message) const {
  const ScriptStep& first = script_->steps[static_cast<std::size_t>(from)];
  int last = from + 1;
  while (last < to && (per_message == 0 || last - from < per_message) &&
         script_->steps[static_cast<std::size_t>(last)].skip == first.skip &&
         last % kFormStretch != 0) {
    ++last;
  }
  return last;
}

void Player::Observe(int from, int to, int per_message, bool with_targets) {
  while (from < to) {
    const int last = Stretch(from, to, per_message);
    ObserveMessage(from, last, with_targets);
    from = last;
  }
}

void Player::ObserveMessage(int from, int to, bool with_targets) {
  std::vector<float> floats;
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint32_t> resets, scored;
  engine::Observe observe;
  observe.first_seq = static_cast<std::uint64_t>(from) + 1;
  for (int t = from; t < to; ++t) {
    const ScriptStep& step = script_->steps[static_cast<std::size_t>(t)];
    floats.insert(floats.end(), step.x.begin(), step.x.end());
    if (script_->bytes && !step.skip) bytes.push_back(step.byte);
    if (step.skip) ++observe.skip;
    if (step.reset_before) resets.push_back(static_cast<std::uint32_t>(t - from));
    if (step.score_only) scored.push_back(static_cast<std::uint32_t>(t - from));
  }
  observe.floats = floats;
  observe.raw_bytes = bytes;
  observe.reset_before = resets;
  observe.score_only = scored;
  BlockMemory memory;
  if (with_targets && FormOf(*script_, from, to) != TargetForm::kNone) {
    observe.targets = MakeBlock(*script_, from, to, &memory);
  }
  send_(observe);
}

void Player::Release(int from, int to) {
  std::vector<BlockMemory> memory(static_cast<std::size_t>(to - from));
  std::vector<TargetBlock> blocks;
  for (int t = from; t < to; ++t) {
    if (script_->steps[static_cast<std::size_t>(t)].form == TargetForm::kNone) continue;
    blocks.push_back(MakeBlock(*script_, t, t + 1, &memory[static_cast<std::size_t>(t - from)]));
  }
  send_(LateTargets{blocks, static_cast<std::uint64_t>(to)});
}

void Player::ReleaseTarget(int t) {
  BlockMemory memory;
  const TargetBlock block = MakeBlock(*script_, t, t + 1, &memory);
  send_(LateTargets{absl::MakeConstSpan(&block, 1), 0});
}

void Player::ReleaseNothing(int to) {
  const Event event = LateTargets{{}, static_cast<std::uint64_t>(to)};
  // Where all of them are closed already the engine refuses it as a repeat.
  if (!absl::IsAlreadyExists(stream_->Check(event))) send_(event);
}

void Player::Settle() { send_(engine::Settle{}); }

}  // namespace millrace::conformance
