#include "engine/cells/settings.h"

#include "absl/strings/str_format.h"
#include "engine/errors.h"

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

SettingDescription ForgetBiasSetting() {
  return {.name = "forget_bias",
          .minimum = -100,
          .maximum = 100,
          .default_value = 1.0,
          .sentence = "The forget gate's bias at the start; above 0 the gate starts open."};
}

SettingDescription GroupsSetting(const std::string& name) {
  return {.name = name,
          .type = SettingType::kInteger,
          .minimum = 1,
          .maximum = 16384,
          .default_value = std::int64_t{1},
          .sentence = "Groups of units that see each other; a divisor of units."};
}

absl::Status CheckUnitsDivide(const PartSpec& cell, const std::string& parts) {
  const std::int64_t units = cell.Integer("units");
  const std::int64_t count = cell.Integer(parts);
  if (units % count == 0) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, kBadSpec,
               absl::StrFormat("setting '%s' of cell '%s' is %d; expected a divisor of its %d "
                               "units; change either",
                               parts, cell.name, count, units));
}

}  // namespace millrace::engine
