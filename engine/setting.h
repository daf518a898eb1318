// One setting against its description: type, range, choices.
//
// Thread-safe: pure functions.
#ifndef MILLRACE_ENGINE_SETTING_H_
#define MILLRACE_ENGINE_SETTING_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/spec.h"

namespace millrace::engine {

// The value in the setting's own type, or BAD_SPEC: "setting 'units' of cell 'vanilla' is 0;
// expected an integer from 1 to 16384". Integers pass for numbers and numbers for integers where
// nothing is lost; infinite values and NaN never do.
absl::StatusOr<SettingValue> CheckSetting(const PartDescription& part,
                                          const SettingDescription& setting,
                                          const SettingValue& value);

// What a setting takes: "an integer from 1 to 16384 (steps)", "one of none, log1p".
std::string ExpectedOf(const SettingDescription& setting);

// "loss" -> "losses".
std::string PluralOf(absl::string_view kind);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_SETTING_H_
