#include "engine/losses/binary_cross_entropy.h"

#include <algorithm>
#include <cmath>

#include "engine/losses/known_outputs.h"
#include "kernels/math/exp.h"
#include "kernels/math/log.h"
#include "kernels/math/sigmoid.h"

namespace millrace::engine {
namespace {

// log(1 + e) for e in [0, 1], without losing a small e (Kahan, in Goldberg 1991, theorem 4).
double LogOfOneAnd(double e) {
  const double sum = 1.0 + e;
  return sum == 1.0 ? e : kernels::Log(sum) * e / (sum - 1.0);
}

}  // namespace

PartDescription DescribeBinaryCrossEntropy() {
  return {"loss",
          "binary_cross_entropy",
          "Mean over the known outputs of the binary cross-entropy in nats; outputs are logits, "
          "target values are in [0, 1].",
          {}};
}

template <typename T>
ValueRange BinaryCrossEntropy<T>::range() const {
  return {.lowest = 0, .highest = 1, .expected = "values from 0 to 1"};
}

template <typename T>
double BinaryCrossEntropy<T>::Mean(T y) const {
  return kernels::Sigmoid(static_cast<double>(y));
}

template <typename T>
double BinaryCrossEntropy<T>::Value(const T* y, const TargetRow<T>& target, std::int64_t m) const {
  return MeanOverKnown(y, target.values, m, [](T output, T value) {
    const auto logit = static_cast<double>(output);
    return std::max(logit, 0.0) - static_cast<double>(value) * logit +
           LogOfOneAnd(kernels::Exp(-std::fabs(logit)));
  });
}

template <typename T>
void BinaryCrossEntropy<T>::Gradient(const T* y, const TargetRow<T>& target, double weight,
                                     std::int64_t m, T* dy) const {
  SlopeOverKnown(
      y, target.values, weight, m,
      [](T output, T value) { return kernels::Sigmoid(output) - value; }, dy);
}

template class BinaryCrossEntropy<float>;
template class BinaryCrossEntropy<double>;

}  // namespace millrace::engine
