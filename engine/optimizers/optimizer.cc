#include "engine/optimizers/optimizer.h"

#include "kernels/math/sqrt.h"

namespace millrace::engine {

std::vector<SettingDescription> RateSettings(double default_rate) {
  std::vector<SettingDescription> settings = {
      {.name = "rate",
       .minimum = 0,
       .maximum = 100,
       .default_value = default_rate,
       .sentence = "Learning rate of every group that has none of its own.",
       .changeable = true}};
  for (const char* const group : kGroupNames) {
    settings.push_back({.name = std::string("rate_") + group,
                        .minimum = -1,
                        .maximum = 100,
                        .default_value = -1.0,
                        .sentence = std::string("Learning rate of the group ") + group +
                                    "; 0 keeps it as it is, -1 takes `rate`.",
                        .changeable = true});
  }
  return settings;
}

SettingDescription DecaySetting(const char* name, double default_value, const char* sentence) {
  return {.name = name,
          .minimum = 0,
          .maximum = 0.99999,
          .default_value = default_value,
          .sentence = sentence,
          .changeable = true};
}

SettingDescription EpsilonSetting() {
  return {.name = "epsilon",
          .minimum = 1e-30,
          .maximum = 1,
          .default_value = 1e-8,
          .sentence = "Added to the root mean square."};
}

SettingDescription EpsilonInsideSetting() {
  return {.name = "epsilon_inside",
          .type = SettingType::kFlag,
          .default_value = false,
          .sentence = "Add epsilon under the root instead of beside it."};
}

template <typename T>
Optimizer<T>::Optimizer(const PartSpec& part, const Moments& moments) : moments_(moments) {
  for (std::size_t g = 0; g < kGroups; ++g) {
    const double own = part.Number(std::string("rate_") + kGroupNames[g]);
    rates_[g] = own < 0 ? part.Number("rate") : own;
  }
}

template <typename T>
kernels::UpdateRates<T> Optimizer<T>::Rates(Group group, double power1, double power2) const {
  const bool corrected = moments_.corrected;
  const double correction2 = corrected ? 1.0 - power2 : 1.0;
  const double epsilon = moments_.epsilon_uncorrected && !moments_.epsilon_inside
                             ? moments_.epsilon / kernels::Sqrt(correction2)
                             : moments_.epsilon;
  return {.rate = static_cast<T>(rate(group)),
          .beta1 = static_cast<T>(moments_.beta1),
          .beta2 = static_cast<T>(moments_.beta2),
          .epsilon = static_cast<T>(epsilon),
          .weight_decay = static_cast<T>(moments_.weight_decay),
          .correction1 = corrected ? static_cast<T>(1.0 - power1) : T{1},
          .correction2 = static_cast<T>(correction2),
          .epsilon_inside = moments_.epsilon_inside};
}

template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace millrace::engine
