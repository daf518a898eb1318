// Resolve, ResolvePart and WithOverrides: a specification against the table of parts.
#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "engine/cells/list.h"
#include "engine/device/devices.h"
#include "engine/diagnostics/settings.h"
#include "engine/errors.h"
#include "engine/heads/list.h"
#include "engine/input.h"
#include "engine/rules/list.h"
#include "engine/rules/sensitivity_numbers.h"
#include "engine/setting.h"
#include "engine/spec.h"

namespace millrace::engine {
namespace {

constexpr std::int64_t kByteValues = 256;

absl::Status BadSpec(absl::string_view sentence) {
  return Error(absl::StatusCode::kInvalidArgument, kBadSpec, sentence);
}

absl::Status NotCarriedOut(absl::string_view sentence) {
  return Error(absl::StatusCode::kUnimplemented, kNotCarriedOut, sentence);
}

std::string NamesOf(const std::vector<PartDescription>& parts) {
  return absl::StrJoin(parts, ", ", [](std::string* out, const PartDescription& part) {
    absl::StrAppend(out, part.name);
  });
}

const SettingDescription* Find(const PartDescription& part, absl::string_view setting) {
  for (const SettingDescription& description : part.settings) {
    if (description.name == setting) return &description;
  }
  return nullptr;
}

absl::Status CheckKnownSettings(const PartDescription& description, const PartSpec& part) {
  for (const auto& [name, value] : part.settings) {
    if (Find(description, name) != nullptr) continue;
    const std::string known = absl::StrJoin(
        description.settings, ", ", [](std::string* out, const SettingDescription& setting) {
          absl::StrAppend(out, setting.name);
        });
    return BadSpec(absl::StrFormat("setting '%s' of %s '%s' is unknown; known settings: %s", name,
                                   description.kind, description.name,
                                   known.empty() ? "none" : known));
  }
  return absl::OkStatus();
}

absl::StatusOr<PartSpec> FillSettings(const PartDescription& description, const PartSpec& part) {
  PartSpec resolved;
  resolved.name = description.name;
  for (const SettingDescription& setting : description.settings) {
    const auto given = part.settings.find(setting.name);
    if (given == part.settings.end() && !setting.default_value.has_value()) {
      return BadSpec(absl::StrFormat(
          "setting '%s' of %s '%s' is missing; expected %s; set it in "
          "the specification's part '%s'",
          setting.name, description.kind, description.name, ExpectedOf(setting), description.kind));
    }
    absl::StatusOr<SettingValue> value =
        CheckSetting(description, setting,
                     given == part.settings.end() ? *setting.default_value : given->second);
    if (!value.ok()) return value.status();
    resolved.settings.emplace(setting.name, *std::move(value));
  }
  return resolved;
}

// The members of a specification by kind, in the order in which they are resolved: the rule's
// default is the cell's.
struct Member {
  absl::string_view kind;
  PartSpec ModelSpec::*part;
  absl::string_view default_name;
};
constexpr Member kMembers[] = {
    {"input", &ModelSpec::input, ""},
    {"cell", &ModelSpec::cell, ""},
    {"head", &ModelSpec::head, ""},
    {"loss", &ModelSpec::loss, ""},
    {"rule", &ModelSpec::rule, ""},
    {"optimizer", &ModelSpec::optimizer, "rmsprop"},
    {"target", &ModelSpec::target, "with_observation"},
    {"guard", &ModelSpec::guard, "standard"},
    {"monitor", &ModelSpec::monitor, "standard"},
};

// Next-input targets fix the outputs and the loss: 256 classes for bytes, the inputs' number of
// values otherwise.
absl::Status FitNextInput(const ModelSpec& spec, SettingValue* outputs) {
  const bool bytes = spec.input.name == "bytes";
  const std::int64_t width = bytes ? kByteValues : spec.input.Integer("size");
  const absl::string_view loss = bytes ? "cross_entropy" : "mean_squared_error";
  if (spec.loss.name != loss) {
    return BadSpec(
        absl::StrFormat("loss is '%s'; expected '%s', since target 'next_input' of "
                        "input '%s' is %s; change the loss or the target",
                        spec.loss.name, loss, spec.input.name, bytes ? "a class" : "a vector"));
  }
  const std::int64_t given = spec.head.Integer("outputs");
  if (given != 0 && given != width) {
    return BadSpec(
        absl::StrFormat("setting 'outputs' of head '%s' is %d; expected %d, the width "
                        "of input '%s', since target is 'next_input'; leave it out",
                        spec.head.name, given, width, spec.input.name));
  }
  *outputs = width;
  return absl::OkStatus();
}

absl::Status FitTogether(ModelSpec* spec) {
  if (spec->target.name == "next_input") {
    absl::Status fits = FitNextInput(*spec, &spec->head.settings.find("outputs")->second);
    if (!fits.ok()) return fits;
  }
  const std::int64_t outputs = spec->head.Integer("outputs");
  const std::int64_t least = spec->loss.name == "cross_entropy" ? 2 : 1;
  if (outputs < least) {
    return BadSpec(
        absl::StrFormat("setting 'outputs' of head '%s' is %d; loss '%s' expects at "
                        "least %d; set it in the specification's part 'head'",
                        spec->head.name, outputs, spec->loss.name, least));
  }
  absl::Status head = CheckHead(spec->head, spec->loss, spec->input.name == "bytes");
  if (!head.ok()) return head;
  absl::Status numbers = CheckSensitivityNumbers(spec->rule, spec->number_type);
  if (!numbers.ok()) return numbers;
  return CheckRule(spec->cell, InputStage(spec->input).width(), spec->rule);
}

absl::Status CheckCarriedOut(const ModelSpec& spec) {
  if (spec.weight_sharing != WeightSharing::kPerStream) {
    return NotCarriedOut(absl::StrFormat(
        "weight_sharing is %s; this engine carries out PER_STREAM only; leave it out",
        spec.weight_sharing == WeightSharing::kShared ? "SHARED" : "ADAPTER"));
  }
  return CheckDevice(spec.device);
}

std::string ChangeableNames(const ModelSpec& spec) {
  std::vector<std::string> names;
  for (const Member& member : kMembers) {
    for (const PartDescription& part : DescribeParts(member.kind)) {
      if (part.name != (spec.*member.part).name) continue;
      for (const SettingDescription& setting : part.settings) {
        if (setting.changeable) names.push_back(absl::StrCat(member.kind, ".", setting.name));
      }
    }
  }
  return names.empty() ? "none" : absl::StrJoin(names, ", ");
}

// The description of "optimizer.rate" in this model, if it is changeable.
absl::Status SetOverride(const NamedSetting& change, ModelSpec* spec) {
  const std::size_t dot = change.name.find('.');
  const absl::string_view name(change.name);
  for (const Member& member : kMembers) {
    if (dot == std::string::npos || name.substr(0, dot) != member.kind) continue;
    PartSpec& part = spec->*member.part;
    for (const PartDescription& description : DescribeParts(member.kind)) {
      if (description.name != part.name) continue;
      const SettingDescription* setting = Find(description, name.substr(dot + 1));
      if (setting == nullptr || !setting->changeable) continue;
      absl::StatusOr<SettingValue> value = CheckSetting(description, *setting, change.value);
      if (!value.ok()) return value.status();
      part.settings[setting->name] = *std::move(value);
      return absl::OkStatus();
    }
  }
  return BadSpec(
      absl::StrFormat("setting '%s' cannot be changed on a stream; changeable settings "
                      "of its model: %s; create another model for it",
                      change.name, ChangeableNames(*spec)));
}

}  // namespace

absl::StatusOr<PartSpec> ResolvePart(absl::string_view kind, const PartSpec& part,
                                     absl::string_view default_name) {
  const std::vector<PartDescription> known = DescribeParts(kind);
  const absl::string_view name = part.name.empty() ? default_name : absl::string_view(part.name);
  if (name.empty()) {
    return BadSpec(
        absl::StrFormat("%s is missing; known %s: %s; set the specification's part "
                        "'%s'",
                        kind, PluralOf(kind), NamesOf(known), kind));
  }
  for (const PartDescription& description : known) {
    if (description.name != name) continue;
    absl::Status settings = CheckKnownSettings(description, part);
    if (!settings.ok()) return settings;
    return FillSettings(description, part);
  }
  return BadSpec(absl::StrFormat("%s '%s' is unknown; known %s: %s", kind, name, PluralOf(kind),
                                 NamesOf(known)));
}

absl::StatusOr<ModelSpec> Resolve(const ModelSpec& spec) {
  ModelSpec resolved = spec;
  for (const Member& member : kMembers) {
    std::string default_name(member.default_name);
    if (member.kind == "rule") {
      absl::Status fits = CheckCell(resolved.cell);
      if (!fits.ok()) return fits;
      default_name = DefaultRule(resolved.cell);
    }
    absl::StatusOr<PartSpec> part = ResolvePart(member.kind, spec.*member.part, default_name);
    if (!part.ok()) return part.status();
    resolved.*member.part = *std::move(part);
  }
  absl::Status status = FitTogether(&resolved);
  if (status.ok()) status = CheckDiagnostics(resolved);
  if (status.ok()) status = CheckCarriedOut(resolved);
  if (!status.ok()) return status;
  return resolved;
}

absl::StatusOr<ModelSpec> WithOverrides(const ModelSpec& resolved,
                                        const std::vector<NamedSetting>& overrides) {
  ModelSpec changed = resolved;
  for (const NamedSetting& change : overrides) {
    absl::Status status = SetOverride(change, &changed);
    if (!status.ok()) return status;
  }
  absl::Status fits = CheckRule(changed.cell, InputStage(changed.input).width(), changed.rule);
  if (!fits.ok()) return fits;
  return changed;
}

}  // namespace millrace::engine
