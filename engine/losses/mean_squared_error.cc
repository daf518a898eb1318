#include "engine/losses/mean_squared_error.h"

#include "engine/losses/known_outputs.h"

namespace millrace::engine {

PartDescription DescribeMeanSquaredError() {
  return {"loss", "mean_squared_error", "Mean over the known outputs of the squared error.", {}};
}

template <typename T>
double MeanSquaredError<T>::Value(const T* y, const TargetRow<T>& target, std::int64_t m) const {
  return MeanOverKnown(y, target.values, m, [](T output, T value) {
    const double e = static_cast<double>(output) - static_cast<double>(value);
    return e * e;
  });
}

template <typename T>
void MeanSquaredError<T>::Gradient(const T* y, const TargetRow<T>& target, double weight,
                                   std::int64_t m, T* dy) const {
  const T scale = static_cast<T>(2.0 * weight / static_cast<double>(CountKnown(target.values, m)));
  for (std::int64_t k = 0; k < m; ++k) {
    dy[k] = Known(target.values[k]) ? scale * (y[k] - target.values[k]) : T{0};
  }
}

template class MeanSquaredError<float>;
template class MeanSquaredError<double>;

}  // namespace millrace::engine
