#include "engine/optimizers/rmsprop.h"

namespace millrace::engine {

PartDescription DescribeRmsprop() {
  PartDescription part{"optimizer", "rmsprop",
                       "RMSprop (Tieleman and Hinton 2012), bias-corrected.", RateSettings(1e-3)};
  part.settings.push_back(
      DecaySetting("beta2", 0.99, "Decay of the running mean square; 1/(1-beta2) updates."));
  part.settings.push_back(EpsilonSetting());
  part.settings.push_back({.name = "uncorrected",
                           .type = SettingType::kFlag,
                           .default_value = false,
                           .sentence = "No bias correction: the first step is larger by "
                                       "1/sqrt(1-beta2)."});
  part.settings.push_back(EpsilonInsideSetting());
  return part;
}

template <typename T>
Rmsprop<T>::Rmsprop(const PartSpec& part)
    : Optimizer<T>(part, {.beta2 = part.Number("beta2"),
                          .epsilon = part.Number("epsilon"),
                          .corrected = !part.Flag("uncorrected"),
                          .epsilon_inside = part.Flag("epsilon_inside")}) {}

template class Rmsprop<float>;
template class Rmsprop<double>;

}  // namespace millrace::engine
