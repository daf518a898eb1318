#include "tests/trajectory/recording.h"

#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/losses/list.h"
#include "engine/network.h"
#include "engine/rules/list.h"
#include "tests/trajectory/noise.h"
#include "tests/trajectory/reading.h"
#include "tests/trajectory/specification.h"

namespace millrace::trajectory {
namespace {

using engine::TargetKind;

// How far probabilities may be from a sum of 1.
constexpr double kSumSlack = 1e-6;

absl::StatusOr<RecordedTarget> ReadClass(const Json& value, const std::string& place,
                                         std::int64_t m) {
  RecordedTarget target{.kind = TargetKind::kClass};
  if (value.is_number_integer()) target.label = value.get<std::int64_t>();
  if (target.label >= 0 && target.label < m) return target;
  return Wrong(place, WordsOf(value), absl::StrCat("a class from 0 to ", m - 1),
               "classes are counted from 0; the number of outputs is that of readout_bias");
}

absl::StatusOr<RecordedTarget> ReadRow(const Json& value, const std::string& place, std::int64_t m,
                                       const engine::Loss<double>& loss) {
  absl::StatusOr<std::vector<double>> values = ReadVector(value, place, m);
  if (!values.ok()) return values.status();
  const bool classes = loss.classification();
  const engine::ValueRange range = loss.range();
  const double lowest = classes ? 0 : range.lowest;
  double sum = 0;
  for (const double number : *values) {
    sum += number;
    if (number >= lowest && number <= range.highest) continue;
    return Wrong(place, absl::StrCat("with the value ", number),
                 classes ? "probabilities" : range.expected, "correct it, or take another loss");
  }
  if (classes && std::fabs(sum - 1) > kSumSlack) {
    return Wrong(place, absl::StrCat("of the sum ", sum), "probabilities of the sum 1",
                 "correct it, or write the class");
  }
  return RecordedTarget{.kind = classes ? TargetKind::kProbabilities : TargetKind::kValues,
                        .values = *std::move(values)};
}

absl::Status ReadTargets(const Json& in, std::int64_t m, Recording* recording) {
  const auto found = in.find("targets");
  if (found == in.end() || !found->is_array() ||
      static_cast<std::int64_t>(found->size()) != recording->steps) {
    return Wrong("targets", found == in.end() ? "missing" : WordsOf(*found),
                 absl::StrCat("an array of ", recording->steps, ", one target a step of inputs"),
                 "write null where a step has none");
  }
  const auto loss = engine::MakeLoss<double>(recording->spec.loss);
  for (std::size_t t = 0; t < found->size(); ++t) {
    const Json& value = (*found)[t];
    const std::string place = absl::StrCat("targets[", t, "]");
    absl::StatusOr<RecordedTarget> target = value.is_null() ? RecordedTarget()
                                            : loss->classification() && !value.is_array()
                                                ? ReadClass(value, place, m)
                                                : ReadRow(value, place, m, *loss);
    if (!target.ok()) return target.status();
    recording->targets.push_back(*std::move(target));
  }
  return absl::OkStatus();
}

absl::Status ReadScalars(const Json& in, Recording* recording) {
  const auto weight = in.find("target_weight");
  if (weight != in.end()) {
    absl::StatusOr<double> number = ReadNumber(*weight, "target_weight");
    if (!number.ok()) return number.status();
    if (*number <= 0) {
      return Wrong("target_weight", WordsOf(*weight), "a number above 0",
                   "write null as the target of a step that is not to be learned");
    }
    recording->target_weight = *number;
  }
  const auto seed = in.find("seed");
  if (seed == in.end()) return absl::OkStatus();
  if (!seed->is_number_unsigned()) {
    return Wrong("seed", WordsOf(*seed), "an integer of at least 0", "leave it out for 0");
  }
  recording->seed = seed->get<std::uint64_t>();
  return absl::OkStatus();
}

// The fixed matrix of rule rflo, [m][o] in the file.
absl::Status ReadFeedback(const Json& in, std::int64_t m, std::int64_t outputs,
                          Recording* recording) {
  const auto rule = in.find("rule");
  if (rule == in.end() || !rule->is_object() || !rule->contains(kFeedback)) return absl::OkStatus();
  const Json& matrix = rule->at(kFeedback);
  if (!matrix.is_array()) return absl::OkStatus();
  if (recording->spec.rule.name != "rflo") {
    return Wrong("rule.feedback", "a matrix", "one with rule 'rflo' only", "leave it out");
  }
  absl::StatusOr<std::vector<double>> read = ReadMatrix(matrix, "rule.feedback", m, outputs);
  if (!read.ok()) return read.status();
  recording->spec.rule.settings[kFeedback] = std::string("random");
  for (std::int64_t i = 0; i < outputs; ++i) {
    for (std::int64_t k = 0; k < m; ++k) {
      recording->feedback.push_back((*read)[static_cast<std::size_t>(k * outputs + i)]);
    }
  }
  return absl::OkStatus();
}

absl::Status Keep(absl::StatusOr<std::vector<double>> read, std::vector<double>* numbers) {
  if (!read.ok()) return read.status();
  *numbers = *std::move(read);
  return absl::OkStatus();
}

absl::Status ReadStart(const Json& in, const engine::Network<double>& network,
                       Recording* recording) {
  recording->state.assign(static_cast<std::size_t>(network.state_size()), 0.0);
  absl::Status status =
      Keep(ReadWeights(in.at("weights"), network.layout(), recording->rows), &recording->theta);
  if (!status.ok() || !in.contains("hidden")) return status;
  return Keep(ReadVector(in.at("hidden"), "hidden", network.state_size()), &recording->state);
}

absl::Status ReadSteps(const Json& in, const engine::Network<double>& network,
                       Recording* recording) {
  absl::Status status =
      Keep(ReadMatrix(in.at("inputs"), "inputs", recording->steps, recording->width),
           &recording->inputs);
  if (!status.ok()) return status;
  const engine::ModelSpec& spec = recording->spec;
  const auto rule = engine::MakeRule<double>(spec.rule, network.cell(), recording->seed);
  status = Keep(ReadNoise(in, spec, recording->steps, rule->NoiseSize()), &recording->noise);
  if (!status.ok()) return status;
  return Keep(ReadNoiseState(in, spec, network.cell()), &recording->rule_state);
}

}  // namespace

absl::StatusOr<Recording> ReadRecording(const std::string& text) {
  absl::StatusOr<Json> in = ParseObject(text);
  if (!in.ok()) return in.status();
  absl::Status status =
      CheckKeys(*in, "the file",
                {"cell", "leak", "head", "loss", "rule", "optimizer", "weights", "hidden", "inputs",
                 "targets", "target_weight", "noise", "noise_state", "seed"});
  if (!status.ok()) return status;
  absl::StatusOr<engine::ModelSpec> spec = ReadSpecification(*in);
  if (!spec.ok()) return spec.status();
  Recording recording;
  recording.spec = *std::move(spec);
  recording.rows = recording.spec.cell.name == "vanilla" ? RowsOf::kTo : RowsOf::kFrom;
  recording.steps = static_cast<std::int64_t>(in->at("inputs").size());
  recording.width = recording.spec.input.Integer("size");
  const engine::Network<double> network(recording.spec, recording.width);
  if (network.head().StateSize() > 0) {
    return Wrong("head", absl::StrCat("'", recording.spec.head.name, "'"),
                 "one whose weights have gradients", "take 'linear' or 'mlp'");
  }
  status = ReadScalars(*in, &recording);
  // Weights first: rules take memory by the units that are asked for.
  if (status.ok()) status = ReadStart(*in, network, &recording);
  if (status.ok()) status = ReadSteps(*in, network, &recording);
  if (status.ok()) status = ReadTargets(*in, network.outputs(), &recording);
  if (status.ok()) {
    status = ReadFeedback(*in, network.outputs(), network.cell().outputs(), &recording);
  }
  if (!status.ok()) return status;
  return recording;
}

}  // namespace millrace::trajectory
