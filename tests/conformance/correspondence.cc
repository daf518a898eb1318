#include "tests/conformance/correspondence.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "engine/rules/noise.h"
#include "gtest/gtest.h"
#include "tests/reference/cells/list.h"
#include "tests/reference/recurrent_network.h"
#include "tests/reference/rules/list.h"

namespace millrace::conformance {
namespace {

using engine::PartSpec;
using reference::Specification;
using reference::Vector;

reference::Part PartOf(const PartSpec& spec) {
  reference::Part part;
  part.name = spec.name;
  for (const auto& [name, value] : spec.settings) {
    if (const auto* const text = std::get_if<std::string>(&value)) {
      part.texts[name] = *text;
    } else if (const auto* const flag = std::get_if<bool>(&value)) {
      part.numbers[name] = *flag ? 1 : 0;
    } else if (const auto* const integer = std::get_if<std::int64_t>(&value)) {
      part.numbers[name] = static_cast<double>(*integer);
    } else {
      part.numbers[name] = std::get<double>(value);
    }
  }
  return part;
}

reference::InputSetup InputOf(const PartSpec& part) {
  reference::InputSetup input;
  input.bytes = part.name == "bytes";
  input.size = 256;
  if (input.bytes) return input;
  input.size = static_cast<int>(part.Integer("size"));
  input.normalise = part.Flag("normalise");
  input.window = static_cast<double>(part.Integer("window"));
  input.floor = part.Number("floor");
  input.silent_after = static_cast<int>(part.Integer("silent_after"));
  input.skip_decay = part.Number("skip_decay");
  const std::string& transform = part.Text("transform");
  if (transform == "square_root") input.transform = reference::Transform::kSquareRoot;
  if (transform == "log1p") input.transform = reference::Transform::kLog1p;
  if (part.Text("skip") == "hold") input.skip = reference::Skip::kHold;
  if (part.Text("skip") == "decay") input.skip = reference::Skip::kDecay;
  return input;
}

reference::TargetMode TargetModeOf(const PartSpec& part) {
  if (part.name == "next_input") return reference::TargetMode::kNextInput;
  if (part.name == "delayed") return reference::TargetMode::kDelayed;
  return reference::TargetMode::kWithObservation;
}

absl::Status CheckKnown(const char* kind, const std::string& name,
                        const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), name) != known.end()) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(kind, " '", name,
                                          "' is in the engine's list and has no reference; write "
                                          "it in tests/reference/ and name it in its list there"));
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

// Noise of the engine's own draws: +-1, a function of the stream's seed and the step.
std::function<Vector(std::int64_t)> NoiseOf(std::uint64_t seed, std::int64_t count) {
  const auto noise = std::make_shared<engine::Noise<double>>(seed, count);
  return [noise](std::int64_t step) {
    const double* const values = noise->Draw(static_cast<std::uint64_t>(step));
    return Vector(values, values + noise->count());
  };
}

// What a stream draws from its seed: fixed matrices are in its snapshot.
void AddDraws(const engine::Model& model, const engine::Snapshot& snapshot,
              Specification* specification) {
  const PartSpec& rule = model.spec().rule;
  if (rule.name == "rflo" && rule.Text("feedback") == "random") {
    specification->draws.feedback = TensorValues(snapshot, "learner.constants");
  }
  if (rule.name == "sparse_rtrl" && rule.Text("mask") == "random") {
    const Vector units = TensorValues(snapshot, "learner.constants");
    const auto k = static_cast<std::size_t>(rule.Integer("k"));
    for (std::size_t first = 0; first < units.size(); first += k) {
      specification->draws.neighbours.emplace_back(
          units.begin() + static_cast<std::ptrdiff_t>(first),
          units.begin() + static_cast<std::ptrdiff_t>(first + k));
    }
  }
  const auto seed = static_cast<std::uint64_t>(TensorValues(snapshot, "stream.seed")[0]);
  if (rule.name == "kf_rtrl") specification->noise = NoiseOf(seed, 2);
  if (rule.name == "uoro") {
    const auto cell =
        reference::MakeCell(specification->cell, static_cast<int>(model.sizes().inputs));
    specification->noise = NoiseOf(seed, cell->shape().sensitive);
  }
}

}  // namespace

absl::StatusOr<Specification> SpecificationOf(const engine::Model& model,
                                              const engine::Snapshot& snapshot) {
  const engine::ModelSpec& spec = model.spec();
  for (const absl::Status& status :
       {CheckKnown("cell", spec.cell.name, reference::CellNames()),
        CheckKnown("head", spec.head.name, reference::HeadNames()),
        CheckKnown("loss", spec.loss.name, reference::LossNames()),
        CheckKnown("rule", spec.rule.name, reference::RuleNames()),
        CheckKnown("optimizer", spec.optimizer.name, reference::OptimizerNames())}) {
    if (!status.ok()) return status;
  }
  Specification specification;
  specification.input = InputOf(spec.input);
  specification.cell = PartOf(spec.cell);
  specification.head = PartOf(spec.head);
  specification.loss = PartOf(spec.loss);
  specification.rule = PartOf(spec.rule);
  specification.optimizer = PartOf(spec.optimizer);
  specification.outputs = static_cast<int>(model.sizes().outputs);
  specification.clip_norm = spec.guard.Number("clip_norm");
  specification.clip_per_group = spec.guard.Text("clip") == "per_group";
  specification.target = TargetModeOf(spec.target);
  if (specification.target == reference::TargetMode::kDelayed) {
    specification.catch_up_steps = static_cast<int>(spec.target.Integer("catch_up_steps"));
  }
  specification.float32 = spec.number_type == engine::NumberType::kFloat32;
  AddDraws(model, snapshot, &specification);
  return specification;
}

reference::Layout LayoutOf(const engine::Stream& stream) {
  const reference::Layout layout =
      reference::RecurrentNetwork(*SpecificationOf(stream.model(), stream.Save())).layout();
  const std::vector<engine::ParameterBlock>& blocks = stream.Layout().blocks();
  EXPECT_EQ(layout.blocks().size(), blocks.size());
  for (std::size_t i = 0; i < std::min(blocks.size(), layout.blocks().size()); ++i) {
    const reference::Block& block = layout.blocks()[i];
    EXPECT_EQ(block.name, blocks[i].name);
    EXPECT_EQ(block.group, engine::kGroupNames[static_cast<std::size_t>(blocks[i].group)]);
    EXPECT_EQ(block.offset, blocks[i].offset) << block.name;
    EXPECT_EQ(block.rows, blocks[i].rows) << block.name;
    EXPECT_EQ(block.width, blocks[i].width) << block.name;
  }
  return layout;
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

double WorstRelativeDifference(const reference::Layout& layout, const Vector& a, const Vector& b) {
  std::map<std::string, double> difference, size;
  for (const reference::Block& block : layout.blocks()) {
    for (int i = block.offset; i < block.offset + block.Size(); ++i) {
      const auto place = static_cast<std::size_t>(i);
      // A NaN must not pass for a small difference.
      const double distance = std::abs(a[place] - b[place]);
      double& worst = difference[block.group];
      worst = std::isnan(distance) ? HUGE_VAL : std::max(worst, distance);
      size[block.group] = std::max(size[block.group], std::abs(b[place]));
    }
  }
  double worst = 0;
  for (const auto& [group, distance] : difference) {
    if (distance > 0) worst = std::max(worst, distance / size[group]);
  }
  return worst;
}

}  // namespace millrace::conformance
