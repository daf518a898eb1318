#include "engine/optimizers/sgd.h"

namespace millrace::engine {

PartDescription DescribeSgd() {
  PartDescription part{"optimizer", "sgd", "Gradient descent, with momentum if asked for.",
                       RateSettings(1e-2)};
  part.settings.push_back({.name = "momentum",
                           .minimum = 0,
                           .maximum = 0.9999,
                           .default_value = 0.0,
                           .sentence = "Decay of the momentum (Polyak 1964).",
                           .changeable = true});
  return part;
}

template <typename T>
Sgd<T>::Sgd(const PartSpec& part) : Optimizer<T>(part, {.beta1 = part.Number("momentum")}) {}

template class Sgd<float>;
template class Sgd<double>;

}  // namespace millrace::engine
