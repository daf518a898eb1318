#include "engine/optimizers/adam.h"

namespace millrace::engine {
namespace {

PartDescription Describe(const char* name, const char* sentence) {
  PartDescription part{"optimizer", name, sentence, RateSettings(1e-3)};
  part.settings.push_back(DecaySetting("beta1", 0.9, "Decay of the first moment."));
  part.settings.push_back(DecaySetting("beta2", 0.999, "Decay of the second moment."));
  part.settings.push_back(EpsilonSetting());
  return part;
}

}  // namespace

PartDescription DescribeAdam() {
  return Describe("adam", "Adam (Kingma and Ba 2015), bias-corrected.");
}

PartDescription DescribeAdamW() {
  PartDescription part = Describe("adamw",
                                  "Adam with decoupled weight decay "
                                  "(Loshchilov and Hutter 2019).");
  part.settings.push_back({.name = "weight_decay",
                           .minimum = 0,
                           .maximum = 10,
                           .default_value = 0.01,
                           .sentence = "change -= rate * weight_decay * weight.",
                           .changeable = true});
  return part;
}

template <typename T>
Adam<T>::Adam(const PartSpec& part)
    : Optimizer<T>(part,
                   {.beta1 = part.Number("beta1"),
                    .beta2 = part.Number("beta2"),
                    .epsilon = part.Number("epsilon"),
                    .weight_decay = part.name == "adamw" ? part.Number("weight_decay") : 0.0}) {}

template <typename T>
void Adam<T>::Change(const kernels::UpdateRates<T>& rates, std::int64_t p, const T* theta, T* slot1,
                     T* slot2, T* g) const {
  kernels::AdamChange(rates, p, theta, slot1, slot2, g);
}

template class Adam<float>;
template class Adam<double>;

}  // namespace millrace::engine
