#include "engine/losses/cross_entropy.h"

#include "kernels/ops.h"

namespace millrace::engine {

PartDescription DescribeCrossEntropy() {
  return {"loss",
          "cross_entropy",
          "Softmax cross-entropy in nats; targets are classes or probability vectors.",
          {{.name = "balance_classes",
            .type = SettingType::kFlag,
            .default_value = false,
            .sentence = "Weight each class by its running inverse frequency, capped at 4."},
           {.name = "balance_half_life",
            .unit = "targets",
            .minimum = 1,
            .maximum = 1e9,
            .default_value = 2000.0,
            .sentence = "Half-life of the running class frequencies."}}};
}

template <typename T>
double CrossEntropy<T>::Value(const T* y, const TargetRow<T>& target, std::int64_t m) const {
  const double log_sum = static_cast<double>(kernels::LogSumExp(y, m));
  if (target.kind == TargetKind::kClass) return log_sum - static_cast<double>(y[target.label]);
  double sum = 0;
  for (std::int64_t k = 0; k < m; ++k) {
    sum += static_cast<double>(target.values[k]) * (log_sum - static_cast<double>(y[k]));
  }
  return sum;
}

template <typename T>
void CrossEntropy<T>::Gradient(const T* y, const TargetRow<T>& target, double weight,
                               std::int64_t m, T* dy) const {
  kernels::Softmax(y, m, dy);
  if (target.kind == TargetKind::kClass) {
    dy[target.label] -= T{1};
  } else {
    for (std::int64_t k = 0; k < m; ++k) dy[k] -= target.values[k];
  }
  kernels::Scale(dy, static_cast<T>(weight), m);
}

template class CrossEntropy<float>;
template class CrossEntropy<double>;

}  // namespace millrace::engine
