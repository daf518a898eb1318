#include "tests/conformance/correspondence.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "absl/strings/str_cat.h"

namespace millrace::conformance {
namespace {

using engine::PartSpec;
using reference::Design;
using reference::Vector;

// How a list entry is said to the reference.
using Say = void (*)(const PartSpec&, Design*);
using Table = std::map<std::string, Say>;

const Table kInputs = {{"bytes",
                        [](const PartSpec&, Design* design) {
                          design->input.bytes = true;
                          design->input.size = 256;
                        }},
                       {"vector", [](const PartSpec& part, Design* design) {
                          reference::InputSetup& input = design->input;
                          input.size = static_cast<int>(part.Integer("size"));
                          input.normalise = part.Flag("normalise");
                          input.window = static_cast<double>(part.Integer("window"));
                          input.floor = part.Number("floor");
                          input.silent_after = static_cast<int>(part.Integer("silent_after"));
                          input.skip_decay = part.Number("skip_decay");
                          const std::string& transform = part.Text("transform");
                          if (transform == "square_root")
                            input.transform = reference::Transform::kSquareRoot;
                          if (transform == "log1p") input.transform = reference::Transform::kLog1p;
                          if (part.Text("skip") == "hold") input.skip = reference::Skip::kHold;
                          if (part.Text("skip") == "decay") input.skip = reference::Skip::kDecay;
                        }}};

const Table kCells = {{"vanilla", [](const PartSpec& part, Design* design) {
                         design->shape.units = static_cast<int>(part.Integer("units"));
                         design->leak = part.Number("leak");
                       }}};

const Table kHeads = {{"linear", [](const PartSpec& part, Design* design) {
                         design->shape.head_bias = part.Flag("bias");
                       }}};

const Table kLosses = {{"mean_squared_error", [](const PartSpec&, Design*) {}},
                       {"cross_entropy", [](const PartSpec& part, Design* design) {
                          design->loss = reference::LossKind::kCrossEntropy;
                          design->balance_classes = part.Flag("balance_classes");
                          design->balance_half_life = part.Number("balance_half_life");
                        }}};

const Table kRules = {
    {"immediate",
     [](const PartSpec& part, Design* design) {
       design->rule.kind = reference::RuleKind::kImmediate;
       design->rule.decay = part.Number("decay");
       design->rule.normalised = part.Flag("normalised");
     }},
    {"rflo",
     [](const PartSpec&, Design* design) { design->rule.kind = reference::RuleKind::kRflo; }},
    {"snap1",
     [](const PartSpec&, Design* design) { design->rule.kind = reference::RuleKind::kSnap1; }},
    {"frozen",
     [](const PartSpec&, Design* design) { design->rule.kind = reference::RuleKind::kFrozen; }}};

void SayRates(const PartSpec& part, Design* design) {
  const std::array<const char*, reference::kGroups> names = {"rate_recurrent", "rate_input",
                                                             "rate_bias", "rate_readout"};
  for (std::size_t g = 0; g < names.size(); ++g) {
    const double own = part.Number(names[g]);
    design->optimizer.rates[g] = own < 0 ? part.Number("rate") : own;
  }
}

void SayAdam(const PartSpec& part, Design* design) {
  SayRates(part, design);
  design->optimizer.kind = reference::OptimizerKind::kAdam;
  design->optimizer.beta1 = part.Number("beta1");
  design->optimizer.beta2 = part.Number("beta2");
  design->optimizer.epsilon = part.Number("epsilon");
}

const Table kOptimizers = {{"sgd",
                            [](const PartSpec& part, Design* design) {
                              SayRates(part, design);
                              design->optimizer.kind = reference::OptimizerKind::kSgd;
                              design->optimizer.momentum = part.Number("momentum");
                            }},
                           {"rmsprop",
                            [](const PartSpec& part, Design* design) {
                              SayRates(part, design);
                              design->optimizer.kind = reference::OptimizerKind::kRmsprop;
                              design->optimizer.beta2 = part.Number("beta2");
                              design->optimizer.epsilon = part.Number("epsilon");
                              design->optimizer.uncorrected = part.Flag("uncorrected");
                              design->optimizer.epsilon_inside = part.Flag("epsilon_inside");
                            }},
                           {"adam", SayAdam},
                           {"adamw", [](const PartSpec& part, Design* design) {
                              SayAdam(part, design);
                              design->optimizer.kind = reference::OptimizerKind::kAdamw;
                              design->optimizer.weight_decay = part.Number("weight_decay");
                            }}};

const Table kTargets = {
    {"with_observation", [](const PartSpec&, Design*) {}},
    {"next_input",
     [](const PartSpec&, Design* design) { design->target = reference::TargetMode::kNextInput; }},
    {"delayed", [](const PartSpec& part, Design* design) {
       design->target = reference::TargetMode::kDelayed;
       design->catch_up_steps = static_cast<int>(part.Integer("catch_up_steps"));
     }}};

const Table kGuards = {{"standard", [](const PartSpec& part, Design* design) {
                          design->clip_norm = part.Number("clip_norm");
                          design->clip_per_group = part.Text("clip") == "per_group";
                        }}};

absl::Status SayPart(const char* kind, const Table& table, const PartSpec& part, Design* design) {
  const auto say = table.find(part.name);
  if (say == table.end()) {
    return absl::NotFoundError(
        absl::StrCat(kind, " '", part.name,
                     "' is in the engine's list and has no reference; write it in "
                     "tests/reference/ and name it in tests/conformance/correspondence.cc"));
  }
  say->second(part, design);
  return absl::OkStatus();
}

// The engine's place of each weight, in the reference's order.
std::vector<int> EnginePlaces(const reference::Shape& shape) {
  const int n = shape.units;
  const int d = shape.inputs;
  const int m = shape.outputs;
  std::vector<int> places(static_cast<std::size_t>(shape.Size()));
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < n; ++j) places[shape.W(i, j)] = j * n + i;
    for (int j = 0; j < d; ++j) places[shape.U(i, j)] = (n + j) * n + i;
    places[shape.B(i)] = (n + d) * n + i;
  }
  const int readout = (n + d + 1) * n;
  for (int k = 0; k < m; ++k) {
    for (int i = 0; i < n; ++i) places[shape.V(k, i)] = readout + i * m + k;
    if (shape.head_bias) places[shape.C(k)] = readout + n * m + k;
  }
  return places;
}

const engine::NamedTensor* FindTensor(const engine::Snapshot& snapshot, const std::string& name) {
  for (const engine::NamedTensor& tensor : snapshot.tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

template <typename T>
Vector Elements(const std::string& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return Vector(values.begin(), values.end());
}

}  // namespace

absl::StatusOr<Design> DesignOf(const engine::Model& model, const engine::Snapshot& snapshot) {
  const engine::ModelSpec& spec = model.spec();
  Design design;
  for (const absl::Status& status :
       {SayPart("input", kInputs, spec.input, &design), SayPart("cell", kCells, spec.cell, &design),
        SayPart("head", kHeads, spec.head, &design), SayPart("loss", kLosses, spec.loss, &design),
        SayPart("rule", kRules, spec.rule, &design),
        SayPart("optimizer", kOptimizers, spec.optimizer, &design),
        SayPart("target", kTargets, spec.target, &design),
        SayPart("guard", kGuards, spec.guard, &design)}) {
    if (!status.ok()) return status;
  }
  design.shape.inputs = static_cast<int>(model.sizes().inputs);
  design.shape.outputs = static_cast<int>(model.sizes().outputs);
  design.float32 = spec.number_type == engine::NumberType::kFloat32;
  if (spec.rule.name == "rflo" && spec.rule.Text("feedback") == "random") {
    design.rule.feedback = TensorValues(snapshot, "learner.constants");
  }
  return design;
}

bool HasTensor(const engine::Snapshot& snapshot, const std::string& name) {
  return FindTensor(snapshot, name) != nullptr;
}

Vector TensorValues(const engine::Snapshot& snapshot, const std::string& name) {
  const engine::NamedTensor* const tensor = FindTensor(snapshot, name);
  if (tensor == nullptr) {
    std::fprintf(stderr, "the snapshot has no tensor '%s'\n", name.c_str());
    std::abort();
  }
  switch (tensor->type) {
    case engine::TensorType::kFloat32:
      return Elements<float>(tensor->bytes);
    case engine::TensorType::kFloat64:
      return Elements<double>(tensor->bytes);
    case engine::TensorType::kInt64:
      return Elements<std::int64_t>(tensor->bytes);
    case engine::TensorType::kUint8:
      break;
  }
  return Elements<std::uint8_t>(tensor->bytes);
}

void SetTensor(const std::string& name, const Vector& values, engine::Snapshot* snapshot) {
  for (engine::NamedTensor& tensor : snapshot->tensors) {
    if (tensor.name != name) continue;
    tensor.bytes.assign(reinterpret_cast<const char*>(values.data()),
                        values.size() * sizeof(double));
  }
}

Vector ToReference(const reference::Shape& shape, const Vector& engine_order) {
  const std::vector<int> places = EnginePlaces(shape);
  Vector values(places.size());
  for (std::size_t i = 0; i < places.size(); ++i) values[i] = engine_order[places[i]];
  return values;
}

Vector ToEngine(const reference::Shape& shape, const Vector& reference_order) {
  const std::vector<int> places = EnginePlaces(shape);
  Vector values(places.size());
  for (std::size_t i = 0; i < places.size(); ++i) values[places[i]] = reference_order[i];
  return values;
}

std::optional<reference::Target> TargetOf(const Script& script, const ScriptStep& step) {
  if (step.form == TargetForm::kNone) return std::nullopt;
  reference::Target target{Vector(step.values.begin(), step.values.end()), step.weight};
  if (step.form == TargetForm::kClass) {
    target.values.assign(static_cast<std::size_t>(script.outputs), 0);
    target.values[static_cast<std::size_t>(step.label)] = 1;
  }
  return target;
}

reference::Observation ObservationOf(const Script& script, const ScriptStep& step,
                                     bool with_target) {
  reference::Observation observation;
  if (!step.skip && script.bytes) observation.byte = step.byte;
  if (!step.skip && !script.bytes) observation.x = Vector(step.x.begin(), step.x.end());
  if (with_target) observation.target = TargetOf(script, step);
  observation.reset_before = step.reset_before;
  observation.score_only = step.score_only;
  return observation;
}

double WorstRelativeDifference(const reference::Shape& shape, const Vector& a, const Vector& b) {
  std::array<double, reference::kGroups> difference{};
  std::array<double, reference::kGroups> size{};
  for (int place = 0; place < shape.Size(); ++place) {
    const auto group = static_cast<std::size_t>(reference::GroupOf(shape, place));
    // A NaN must not pass for a small difference.
    const double distance = std::abs(a[place] - b[place]);
    difference[group] = std::isnan(distance) ? HUGE_VAL : std::max(difference[group], distance);
    size[group] = std::max(size[group], std::abs(b[place]));
  }
  double worst = 0;
  for (std::size_t g = 0; g < size.size(); ++g) {
    if (difference[g] > 0) worst = std::max(worst, difference[g] / size[g]);
  }
  return worst;
}

}  // namespace millrace::conformance
