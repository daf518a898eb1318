#include "engine/losses/mean_squared_error.h"

namespace millrace::engine {
namespace {

template <typename T>
bool Known(T value) {
  return value == value;
}

template <typename T>
std::int64_t CountKnown(const T* values, std::int64_t m) {
  std::int64_t known = 0;
  for (std::int64_t k = 0; k < m; ++k) known += Known(values[k]) ? 1 : 0;
  return known;
}

}  // namespace

PartDescription DescribeMeanSquaredError() {
  return {"loss", "mean_squared_error", "Mean over the known outputs of the squared error.", {}};
}

template <typename T>
double MeanSquaredError<T>::Value(const T* y, const TargetRow<T>& target, std::int64_t m) const {
  double sum = 0;
  for (std::int64_t k = 0; k < m; ++k) {
    if (!Known(target.values[k])) continue;
    const double e = static_cast<double>(y[k]) - static_cast<double>(target.values[k]);
    sum += e * e;
  }
  return sum / static_cast<double>(CountKnown(target.values, m));
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
