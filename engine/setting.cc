#include "engine/setting.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "engine/check.h"
#include "engine/errors.h"

namespace millrace::engine {
namespace {

constexpr double kExactIntegers = 9007199254740992.0;  // 2^53: a double has every one up to here

std::string Shown(const SettingValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return absl::StrCat(*integer);
  if (const double* number = std::get_if<double>(&value)) return absl::StrCat(*number);
  return absl::StrCat("'", std::get<std::string>(value), "'");
}

std::optional<SettingValue> ToNumber(const SettingValue& value) {
  if (const double* number = std::get_if<double>(&value)) {
    if (!std::isfinite(*number)) return std::nullopt;
    return *number + 0.0;  // one zero: -0 would give another digest
  }
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    const auto number = static_cast<double>(*integer);
    if (std::fabs(number) <= kExactIntegers) return number;
  }
  return std::nullopt;
}

std::optional<SettingValue> ToInteger(const SettingValue& value) {
  if (std::holds_alternative<std::int64_t>(value)) return value;
  if (const double* number = std::get_if<double>(&value)) {
    if (std::fabs(*number) <= kExactIntegers && std::trunc(*number) == *number) {
      return static_cast<std::int64_t>(*number);
    }
  }
  return std::nullopt;
}

// The value in the setting's type, or nothing.
std::optional<SettingValue> Convert(SettingType type, const SettingValue& value) {
  switch (type) {
    case SettingType::kNumber:
      return ToNumber(value);
    case SettingType::kInteger:
      return ToInteger(value);
    case SettingType::kFlag:
      if (std::holds_alternative<bool>(value)) return value;
      return std::nullopt;
    case SettingType::kText:
      if (std::holds_alternative<std::string>(value)) return value;
      return std::nullopt;
  }
  MILLRACE_CHECK(false);
}

bool InRange(const SettingDescription& setting, double value) {
  return (!setting.minimum.has_value() || value >= *setting.minimum) &&
         (!setting.maximum.has_value() || value <= *setting.maximum);
}

bool Allowed(const SettingDescription& setting, const SettingValue& value) {
  if (const double* number = std::get_if<double>(&value)) return InRange(setting, *number);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    return InRange(setting, static_cast<double>(*integer));
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    return setting.choices.empty() || std::find(setting.choices.begin(), setting.choices.end(),
                                                *text) != setting.choices.end();
  }
  return true;
}

// 1000000 rather than 1e+06.
std::string Bound(double value) {
  const std::optional<SettingValue> integer = ToInteger(value);
  return integer.has_value() ? Shown(*integer) : Shown(value);
}

std::string RangeOf(const SettingDescription& setting) {
  if (setting.minimum.has_value() && setting.maximum.has_value()) {
    return absl::StrCat(" from ", Bound(*setting.minimum), " to ", Bound(*setting.maximum));
  }
  if (setting.minimum.has_value()) return absl::StrCat(" of at least ", Bound(*setting.minimum));
  if (setting.maximum.has_value()) return absl::StrCat(" of at most ", Bound(*setting.maximum));
  return "";
}

}  // namespace

absl::StatusOr<SettingValue> CheckSetting(const PartDescription& part,
                                          const SettingDescription& setting,
                                          const SettingValue& value) {
  std::optional<SettingValue> converted = Convert(setting.type, value);
  if (converted.has_value() && Allowed(setting, *converted)) return *std::move(converted);
  return Error(absl::StatusCode::kInvalidArgument, kBadSpec,
               absl::StrFormat("setting '%s' of %s '%s' is %s; expected %s", setting.name,
                               part.kind, part.name, Shown(value), ExpectedOf(setting)));
}

std::string ExpectedOf(const SettingDescription& setting) {
  const std::string unit = setting.unit.empty() ? "" : absl::StrCat(" (", setting.unit, ")");
  switch (setting.type) {
    case SettingType::kFlag:
      return "true or false";
    case SettingType::kInteger:
      return absl::StrCat("an integer", RangeOf(setting), unit);
    case SettingType::kNumber:
      return absl::StrCat("a finite number", RangeOf(setting), unit);
    case SettingType::kText:
      if (setting.choices.empty()) return "a text";
      return absl::StrCat("one of ", absl::StrJoin(setting.choices, ", "));
  }
  MILLRACE_CHECK(false);
}

std::string PluralOf(absl::string_view kind) {
  return absl::StrCat(kind, absl::EndsWith(kind, "s") ? "es" : "s");
}

}  // namespace millrace::engine
