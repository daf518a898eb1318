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

template <typename T>
void Rmsprop<T>::Change(const kernels::UpdateRates<T>& rates, std::int64_t p, const T*, T*,
                        T* slot2, T* g) const {
  kernels::RmspropChange(rates, p, slot2, g);
}

template <typename T>
void Rmsprop<T>::ChangeOuter(const kernels::UpdateRates<T>& rates,
                             const kernels::OuterMap<T>& map) const {
  kernels::RmspropOuter(rates, map);
}

template <typename T>
void Rmsprop<T>::ChangeTraced(const kernels::UpdateRates<T>& rates,
                              const kernels::TracedMap<T>& map) const {
  kernels::RmspropTraced(rates, map);
}

template class Rmsprop<float>;
template class Rmsprop<double>;

}  // namespace millrace::engine
