// Settings that many cells share: one description each.
#ifndef MILLRACE_ENGINE_CELLS_SETTINGS_H_
#define MILLRACE_ENGINE_CELLS_SETTINGS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "engine/spec.h"

namespace millrace::engine {

// units: n.
SettingDescription UnitsSetting();
// W starts normal with standard deviation recurrent_gain / sqrt(rows), the fed-back units it sees.
SettingDescription RecurrentGainSetting();
// U starts normal with standard deviation input_gain / sqrt(inputs).
SettingDescription InputGainSetting();
// What the forget gate's bias starts from.
SettingDescription ForgetBiasSetting();
// `name`: groups of units that see each other, 1 by default; see CheckUnitsDivide.
SettingDescription GroupsSetting(const std::string& name);

// BAD_SPEC unless the integer setting `parts` divides the units of the resolved cell.
absl::Status CheckUnitsDivide(const PartSpec& cell, const std::string& parts);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_SETTINGS_H_
