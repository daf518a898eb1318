#include "tests/trajectory/specification.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace millrace::trajectory {
namespace {

using engine::PartSpec;
using engine::SettingValue;

// As lists write names: "KF-RTRL" is kf_rtrl.
std::string ListName(const std::string& given) {
  static const auto* const aliases = new std::map<std::string, std::string>{
      {"full_rtrl", "rtrl"},
      {"snap_1", "snap1"},
      {"mse", "mean_squared_error"},
      {"softmax", "cross_entropy"},
  };
  std::string name = absl::AsciiStrToLower(given);
  std::replace(name.begin(), name.end(), '-', '_');
  const auto alias = aliases->find(name);
  return alias == aliases->end() ? name : alias->second;
}

absl::StatusOr<SettingValue> ReadSetting(const Json& value, const std::string& place) {
  if (value.is_boolean()) return SettingValue(value.get<bool>());
  if (value.is_number_integer()) return SettingValue(value.get<std::int64_t>());
  if (value.is_number()) return SettingValue(value.get<double>());
  if (value.is_string()) return SettingValue(value.get<std::string>());
  return Wrong(place, WordsOf(value), "a flag, a number or a text", "write one there");
}

// Settings of a rule that only a replay has.
bool OfReplay(const std::string& key, const Json& value) {
  return key == kImmediateLeak || (key == kFeedback && value.is_array());
}

// "NAME" or {"name": "NAME", setting: value, ...}.
absl::StatusOr<PartSpec> ReadPart(const Json& in, const std::string& kind) {
  PartSpec part;
  const auto found = in.find(kind);
  if (found == in.end()) return part;
  if (found->is_string()) {
    part.name = ListName(found->get<std::string>());
    return part;
  }
  if (!found->is_object() || !found->contains("name")) {
    return Wrong(kind, found->is_object() ? "an object without a name" : WordsOf(*found),
                 "a name, or an object of a name and settings",
                 absl::StrCat("write {\"", kind, "\": {\"name\": ...}}"));
  }
  for (const auto& [key, value] : found->items()) {
    const std::string place = absl::StrCat(kind, ".", key);
    if (key == "name") {
      absl::StatusOr<std::string> name = ReadText(value, place);
      if (!name.ok()) return name.status();
      part.name = ListName(*name);
    } else if (kind != "rule" || !OfReplay(key, value)) {
      absl::StatusOr<SettingValue> setting = ReadSetting(value, place);
      if (!setting.ok()) return setting.status();
      part.settings.emplace(key, *std::move(setting));
    }
  }
  return part;
}

// Units of a gate that has a bias: the length of it.
std::optional<std::int64_t> UnitsOf(const Json& weights) {
  for (const auto& [name, value] : weights.items()) {
    const bool bias = name == "bias" || absl::EndsWith(name, ".bias");
    if (bias && value.is_array()) return static_cast<std::int64_t>(value.size());
  }
  return std::nullopt;
}

absl::StatusOr<std::int64_t> InputsOf(const Json& in) {
  const auto found = in.find("inputs");
  const bool rows = found != in.end() && found->is_array() && !found->empty() &&
                    found->front().is_array() && !found->front().empty();
  if (!rows) {
    return Wrong("inputs", found == in.end() ? "missing" : WordsOf(*found),
                 "an array [T][d] of at least one step and one channel", "write the inputs there");
  }
  return static_cast<std::int64_t>(found->front().size());
}

absl::Status FillSizes(const Json& in, engine::ModelSpec* spec) {
  const auto weights = in.find("weights");
  if (weights == in.end() || !weights->is_object()) {
    return Wrong("weights", weights == in.end() ? "missing" : WordsOf(*weights),
                 "an object of matrices by name", "write the weights before the first step there");
  }
  const std::optional<std::int64_t> units = UnitsOf(*weights);
  if (units.has_value()) spec->cell.settings.emplace("units", *units);
  const auto bias = weights->find("readout_bias");
  if (bias != weights->end() && bias->is_array()) {
    spec->head.settings.emplace("outputs", static_cast<std::int64_t>(bias->size()));
  }
  return absl::OkStatus();
}

absl::Status FillParts(const Json& in, engine::ModelSpec* spec) {
  const std::pair<const char*, PartSpec engine::ModelSpec::*> kinds[] = {
      {"cell", &engine::ModelSpec::cell},
      {"head", &engine::ModelSpec::head},
      {"loss", &engine::ModelSpec::loss},
      {"rule", &engine::ModelSpec::rule},
      {"optimizer", &engine::ModelSpec::optimizer}};
  for (const auto& [kind, member] : kinds) {
    absl::StatusOr<PartSpec> part = ReadPart(in, kind);
    if (!part.ok()) return part.status();
    spec->*member = *std::move(part);
  }
  if (spec->head.name.empty()) spec->head.name = "linear";
  if (spec->loss.name.empty()) spec->loss.name = "mean_squared_error";
  if (spec->optimizer.name.empty()) spec->optimizer = {"sgd", {{"rate", 0.0}}};
  const auto leak = in.find("leak");
  if (leak == in.end()) return absl::OkStatus();
  absl::StatusOr<double> value = ReadNumber(*leak, "leak");
  if (!value.ok()) return value.status();
  if (!spec->cell.settings.emplace("leak", *value).second) {
    return Wrong("leak", "there twice, the other time in cell", "one leak", "leave one out");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<engine::ModelSpec> ReadSpecification(const Json& in) {
  engine::ModelSpec spec;
  absl::StatusOr<std::int64_t> inputs = InputsOf(in);
  if (!inputs.ok()) return inputs.status();
  spec.input = {"vector", {{"size", *inputs}, {"normalise", false}}};
  spec.guard = {"standard",
                {{"clip_norm", 0.0},
                 {"max_sensitivity_norm", 0.0},
                 {"max_step_change", 0.0},
                 {"max_release_change", 0.0},
                 {"good_every", std::int64_t{0}}}};
  spec.number_type = engine::NumberType::kFloat64;
  absl::Status status = FillParts(in, &spec);
  if (status.ok()) status = FillSizes(in, &spec);
  if (!status.ok()) return status;
  return engine::Resolve(spec);
}

}  // namespace millrace::trajectory
