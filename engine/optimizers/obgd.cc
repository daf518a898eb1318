#include "engine/optimizers/obgd.h"

#include <algorithm>

namespace millrace::engine {

PartDescription DescribeObgd() {
  PartDescription part{"optimizer", "obgd",
                       "Gradient descent whose step is bounded so that it does not overshoot "
                       "(Elsayed, Vasan and Mahmood 2024).",
                       RateSettings(1.0)};
  part.settings.push_back({.name = "kappa",
                           .minimum = 0,
                           .maximum = 1e6,
                           .default_value = 2.0,
                           .sentence = "How far below overshooting a step stays; 0: no bound.",
                           .changeable = true});
  return part;
}

template <typename T>
Obgd<T>::Obgd(const PartSpec& part) : Optimizer<T>(part, {}), kappa_(part.Number("kappa")) {}

// Without an error there is no gradient either.
template <typename T>
double Obgd<T>::StepFactor(const UpdateSize& size) const {
  if (size.error <= 0) return 0;
  const double bound =
      size.largest_rate * kappa_ * std::max(1.0, size.error) * size.gradient / size.error;
  return 1.0 / std::max(1.0, bound);
}

template class Obgd<float>;
template class Obgd<double>;

}  // namespace millrace::engine
