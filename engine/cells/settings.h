// Settings that many cells share: one description each.
#ifndef MILLRACE_ENGINE_CELLS_SETTINGS_H_
#define MILLRACE_ENGINE_CELLS_SETTINGS_H_

#include "engine/spec.h"

namespace millrace::engine {

// units: n.
SettingDescription UnitsSetting();
// W starts normal with standard deviation recurrent_gain / sqrt(rows), the fed-back units it sees.
SettingDescription RecurrentGainSetting();
// U starts normal with standard deviation input_gain / sqrt(inputs).
SettingDescription InputGainSetting();

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_SETTINGS_H_
