#include "engine/losses/poisson.h"

#include <algorithm>

#include "engine/losses/known_outputs.h"
#include "kernels/math/exp.h"

namespace millrace::engine {
namespace {

constexpr double kTangentFrom = 30;

}  // namespace

PartDescription DescribePoisson() {
  return {"loss",
          "poisson",
          "Mean over the known outputs of e^y - t y; outputs are logarithms of rates, targets are "
          "counts, 0 or more.",
          {}};
}

template <typename T>
ValueRange Poisson<T>::range() const {
  return {.lowest = 0, .expected = "finite values of at least 0"};
}

template <typename T>
double Poisson<T>::Mean(T y) const {
  return kernels::Exp(std::min(static_cast<double>(y), kTangentFrom));
}

template <typename T>
double Poisson<T>::Value(const T* y, const TargetRow<T>& target, std::int64_t m) const {
  return MeanOverKnown(y, target.values, m, [&](T output, T value) {
    const auto log_rate = static_cast<double>(output);
    const double beyond = std::max(log_rate - kTangentFrom, 0.0);
    return Mean(output) * (1.0 + beyond) - static_cast<double>(value) * log_rate;
  });
}

template <typename T>
void Poisson<T>::Gradient(const T* y, const TargetRow<T>& target, double weight, std::int64_t m,
                          T* dy) const {
  SlopeOverKnown(
      y, target.values, weight, m,
      [](T output, T value) {
        return kernels::Exp(std::min(output, static_cast<T>(kTangentFrom))) - value;
      },
      dy);
}

template class Poisson<float>;
template class Poisson<double>;

}  // namespace millrace::engine
