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

template <typename T>
void Sgd<T>::Change(const kernels::UpdateRates<T>& rates, std::int64_t p, const T*, T* slot1, T*,
                    T* g) const {
  if (rates.beta1 == T{0}) {
    kernels::SgdChange(rates, p, g);
  } else {
    kernels::MomentumChange(rates, p, slot1, g);
  }
}

template <typename T>
void Sgd<T>::ChangeOuter(const kernels::UpdateRates<T>& rates,
                         const kernels::OuterMap<T>& map) const {
  if (rates.beta1 == T{0}) {
    kernels::SgdOuter(rates, map);
  } else {
    kernels::MomentumOuter(rates, map);
  }
}

template <typename T>
void Sgd<T>::ChangeTraced(const kernels::UpdateRates<T>& rates,
                          const kernels::TracedMap<T>& map) const {
  if (rates.beta1 == T{0}) {
    kernels::SgdTraced(rates, map);
  } else {
    kernels::MomentumTraced(rates, map);
  }
}

template class Sgd<float>;
template class Sgd<double>;

}  // namespace millrace::engine
