#include "engine/spec.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "engine/check.h"
#include "engine/snapshot.h"

namespace millrace::engine {
namespace {

template <typename T>
const T& ValueOf(const Settings& settings, absl::string_view setting) {
  const auto found = settings.find(std::string_view(setting.data(), setting.size()));
  MILLRACE_CHECK(found != settings.end());
  const T* value = std::get_if<T>(&found->second);
  MILLRACE_CHECK(value != nullptr);
  return *value;
}

struct Printer {
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(std::int64_t integer) const { return absl::StrCat(integer); }
  std::string operator()(double number) const { return absl::StrFormat("%.17g", number); }
  std::string operator()(const std::string& text) const {
    return absl::StrCat("\"", absl::CEscape(text), "\"");
  }
};

// Written out, not cast: the order of an enumeration may change, stored digests may not.
absl::string_view NumberTypeName(NumberType type) {
  return type == NumberType::kFloat64 ? "float64" : "float32";
}

absl::string_view WeightSharingName(WeightSharing sharing) {
  switch (sharing) {
    case WeightSharing::kPerStream:
      return "per_stream";
    case WeightSharing::kShared:
      return "shared";
    case WeightSharing::kAdapter:
      return "adapter";
  }
  MILLRACE_CHECK(false);
}

absl::string_view DurabilityName(Durability durability) {
  switch (durability) {
    case Durability::kApplied:
      return "applied";
    case Durability::kProcess:
      return "process";
    case Durability::kSync:
      return "sync";
  }
  MILLRACE_CHECK(false);
}

// The settings that the canonical text leaves out where they have their default.
Settings LaterDefaults(absl::string_view kind, absl::string_view name) {
  Settings defaults;
  for (const PartDescription& part : DescribeParts(kind)) {
    if (part.name != name) continue;
    for (const SettingDescription& setting : part.settings) {
      if (setting.later) defaults.emplace(setting.name, *setting.default_value);
    }
  }
  return defaults;
}

}  // namespace

bool PartSpec::Flag(absl::string_view setting) const { return ValueOf<bool>(settings, setting); }

std::int64_t PartSpec::Integer(absl::string_view setting) const {
  return ValueOf<std::int64_t>(settings, setting);
}

double PartSpec::Number(absl::string_view setting) const {
  return ValueOf<double>(settings, setting);
}

const std::string& PartSpec::Text(absl::string_view setting) const {
  return ValueOf<std::string>(settings, setting);
}

std::string CanonicalText(const ModelSpec& resolved) {
  const std::pair<absl::string_view, const PartSpec*> parts[] = {
      {"input", &resolved.input},    {"cell", &resolved.cell},
      {"head", &resolved.head},      {"loss", &resolved.loss},
      {"rule", &resolved.rule},      {"target", &resolved.target},
      {"guard", &resolved.guard},    {"optimizer", &resolved.optimizer},
      {"monitor", &resolved.monitor}};
  std::vector<std::string> lines;
  for (const auto& [kind, part] : parts) {
    lines.push_back(absl::StrCat(kind, " = ", part->name));
    const Settings later = LaterDefaults(kind, part->name);
    for (const auto& [name, value] : part->settings) {
      const auto absent = later.find(name);
      if (absent != later.end() && absent->second == value) continue;
      lines.push_back(absl::StrCat(kind, ".", name, " = ", std::visit(Printer(), value)));
    }
  }
  lines.push_back(absl::StrCat("number_type = ", NumberTypeName(resolved.number_type)));
  lines.push_back(absl::StrCat("weight_sharing = ", WeightSharingName(resolved.weight_sharing)));
  lines.push_back(absl::StrCat("durability = ", DurabilityName(resolved.durability)));
  lines.push_back(absl::StrCat("device = ", resolved.device == Device::kCuda ? "cuda" : "cpu"));
  std::sort(lines.begin(), lines.end());
  return absl::StrCat(absl::StrJoin(lines, "\n"), "\n");
}

std::string SpecDigest(const ModelSpec& resolved) { return Sha256Hex(CanonicalText(resolved)); }

}  // namespace millrace::engine
