#include "engine/heads/features.h"

#include <algorithm>
#include <string>

namespace millrace::engine {
namespace {

constexpr int kFilters = 4;

std::string FilterName(int filter) { return "filter_" + std::to_string(filter); }

}  // namespace

std::vector<SettingDescription> FeatureSettings() {
  std::vector<SettingDescription> settings = {
      {.name = "direct",
       .type = SettingType::kFlag,
       .default_value = false,
       .sentence = "The input itself is a feature beside the cell's outputs."}};
  for (int filter = 1; filter <= kFilters; ++filter) {
    settings.push_back({.name = FilterName(filter),
                        .unit = "steps",
                        .minimum = 0,
                        .maximum = 1e9,
                        .default_value = 0.0,
                        .sentence = "Time constant of an exponential filter of the input that is "
                                    "a feature; 0: none, otherwise at least 1."});
  }
  return settings;
}

std::string FirstDirectFeature(const PartSpec& head) {
  if (head.Flag("direct")) return "direct";
  for (int filter = 1; filter <= kFilters; ++filter) {
    if (head.Number(FilterName(filter)) > 0) return FilterName(filter);
  }
  return "";
}

template <typename T>
Features<T>::Features(const PartSpec& head, std::int64_t inputs)
    : inputs_(inputs), direct_(head.Flag("direct")) {
  for (int filter = 1; filter <= kFilters; ++filter) {
    const double tau = head.Number(FilterName(filter));
    if (tau > 0) rates_.push_back(static_cast<T>(1.0 / std::max(tau, 1.0)));
  }
}

template <typename T>
void Features<T>::Step(const T* x, const T* before, T* after, T* f) const {
  const auto value = [&](std::int64_t j) { return x == nullptr ? T{0} : x[j]; };
  if (direct_) {
    for (std::int64_t j = 0; j < inputs_; ++j) f[j] = value(j);
    f += inputs_;
  }
  for (const T rate : rates_) {
    for (std::int64_t j = 0; j < inputs_; ++j) {
      after[j] = before[j] + rate * (value(j) - before[j]);
      f[j] = after[j];
    }
    before += inputs_;
    after += inputs_;
    f += inputs_;
  }
}

template class Features<float>;
template class Features<double>;

}  // namespace millrace::engine
