#include "engine/heads/inverse_scatter.h"

#include <algorithm>
#include <cmath>

#include "kernels/math/exp.h"
#include "kernels/math/log.h"
#include "kernels/ops.h"

namespace millrace::engine {
namespace {

constexpr double kLeastKept = 1e-6;

}  // namespace

std::vector<SettingDescription> ScatterSettings() {
  return {{.name = "forgetting",
           .unit = "per target",
           .minimum = 0.5,
           .maximum = 1,
           .default_value = 0.9998,
           .sentence = "What a target leaves of the weight of those before; 1 / (1 - forgetting) "
                       "targets are remembered."},
          {.name = "ridge",
           .minimum = 1e-6,
           .maximum = 1e6,
           .default_value = 0.01,
           .sentence = "Ridge, in squared features for each target remembered."},
          {.name = "prior_weight",
           .unit = "targets",
           .minimum = 1e-3,
           .maximum = 1e9,
           .default_value = 50.0,
           .sentence = "Targets that the ridge of the start counts as."}};
}

double Forgotten(double forgetting, double weight) {
  if (weight == 1) return forgetting;
  return std::max(kLeastKept, kernels::Exp(weight * kernels::Log(forgetting)));
}

template <typename T>
InverseScatter<T>::InverseScatter(const PartSpec& head, std::int64_t k)
    : k_(k),
      forgetting_(head.Number("forgetting")),
      ridge_(head.Number("ridge")),
      prior_weight_(head.Number("prior_weight")) {
  change_.along.assign(static_cast<std::size_t>(k), T{0});
}

template <typename T>
void InverseScatter<T>::Initialize(T* state) const {
  std::fill_n(state, size(), T{0});
  for (std::int64_t i = 0; i < k_; ++i) {
    state[i * k_ + i] = static_cast<T>(1.0 / (ridge_ * prior_weight_));
  }
}

template <typename T>
void InverseScatter<T>::Subtract(T scale, T* p) const {
  const T* const along = change_.along.data();
  const T gain = change_.gain;
  for (std::int64_t i = 0; i < k_; ++i) {
    const T own = along[i];
    T* const row = p + i * k_;
    for (std::int64_t j = 0; j < k_; ++j) row[j] = (row[j] - gain * (own * along[j])) * scale;
  }
}

template <typename T>
bool InverseScatter<T>::Update(const T* v, double weight, double share, T* state) const {
  kernels::MatVec(state, v, k_, k_, change_.along.data());
  change_.spread = kernels::Dot(v, change_.along.data(), k_);
  change_.kept = static_cast<T>(Forgotten(forgetting_, weight));
  const T divisor = change_.kept + static_cast<T>(share) * change_.spread;
  change_.gain = static_cast<T>(share) / divisor;
  if (!(divisor > 0) || !std::isfinite(divisor)) return false;
  if (!kernels::AllFinite(change_.along.data(), k_)) return false;
  Subtract(T{1} / change_.kept, state);
  return true;
}

template <typename T>
void InverseScatter<T>::Replenish(double weight, T* state) const {
  T& turn = state[k_ * k_];
  const auto place = static_cast<std::int64_t>(turn);
  const T added = static_cast<T>(weight * ridge_ * static_cast<double>(k_));
  std::copy_n(state + place * k_, k_, change_.along.data());
  change_.place = place;
  change_.gain = added / (T{1} + added * change_.along[static_cast<std::size_t>(place)]);
  Subtract(T{1}, state);
  turn = place + 1 == k_ ? T{0} : turn + T{1};
}

template class InverseScatter<float>;
template class InverseScatter<double>;

}  // namespace millrace::engine
