#include "engine/cells/settings.h"

namespace millrace::engine {

SettingDescription UnitsSetting() {
  return {.name = "units",
          .type = SettingType::kInteger,
          .minimum = 1,
          .maximum = 16384,
          .sentence = "Hidden units, n."};
}

SettingDescription RecurrentGainSetting() {
  return {.name = "recurrent_gain",
          .minimum = 0,
          .maximum = 100,
          .default_value = 1.0,
          .sentence = "W starts normal with standard deviation gain / sqrt(fed-back units seen)."};
}

SettingDescription InputGainSetting() {
  return {.name = "input_gain",
          .minimum = 0,
          .maximum = 1000,
          .default_value = 1.0,
          .sentence = "U starts normal with standard deviation gain / sqrt(inputs)."};
}

}  // namespace millrace::engine
