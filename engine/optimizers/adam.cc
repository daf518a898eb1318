#include "engine/optimizers/adam.h"

#include "absl/strings/string_view.h"

namespace millrace::engine {
namespace {

PartDescription Describe(const char* name, const char* sentence) {
  PartDescription part{"optimizer", name, sentence, RateSettings(1e-3)};
  part.settings.push_back(DecaySetting("beta1", 0.9, "Decay of the first moment."));
  part.settings.push_back(DecaySetting("beta2", 0.999, "Decay of the second moment."));
  part.settings.push_back(EpsilonSetting());
  part.settings.push_back(EpsilonInsideSetting());
  part.settings.push_back({.name = "epsilon_uncorrected",
                           .type = SettingType::kFlag,
                           .default_value = false,
                           .sentence = "Add epsilon before the bias correction of the root instead "
                                       "of after it."});
  return part;
}

bool Has(const PartSpec& part, absl::string_view moment) {
  if (part.name == "adamw") return true;
  return part.Text("moments") == "both" || part.Text("moments") == moment;
}

}  // namespace

PartDescription DescribeAdam() {
  PartDescription part = Describe("adam", "Adam (Kingma and Ba 2015), bias-corrected.");
  part.settings.push_back({.name = "moments",
                           .type = SettingType::kText,
                           .choices = {"both", "first", "second"},
                           .default_value = std::string("both"),
                           .sentence = "Both moments, or one of them alone."});
  return part;
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
    : Optimizer<T>(part, {.beta1 = part.Number("beta1"),
                          .beta2 = part.Number("beta2"),
                          .epsilon = part.Number("epsilon"),
                          .weight_decay = part.name == "adamw" ? part.Number("weight_decay") : 0.0,
                          .epsilon_inside = part.Flag("epsilon_inside"),
                          .epsilon_uncorrected = part.Flag("epsilon_uncorrected")}),
      first_(Has(part, "first")),
      second_(Has(part, "second")) {}

template <typename T>
kernels::UpdateKind Adam<T>::kind() const {
  if (!first_) return kernels::UpdateKind::kRmsprop;
  return second_ ? kernels::UpdateKind::kAdam : kernels::UpdateKind::kMomentum;
}

// Slot 1 is the sum of beta1^i g, of which (1 - beta1) is Adam's first moment.
template <typename T>
kernels::UpdateRates<T> Adam<T>::Rates(Group group, double power1, double power2) const {
  kernels::UpdateRates<T> rates = Optimizer<T>::Rates(group, power1, power2);
  if (!second_) rates.rate = rates.rate * (T{1} - rates.beta1) / rates.correction1;
  return rates;
}

template class Adam<float>;
template class Adam<double>;

}  // namespace millrace::engine
