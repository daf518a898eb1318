#include "engine/heads/gaussian.h"

#include <algorithm>

#include "engine/check.h"
#include "kernels/ops.h"

namespace millrace::engine {

PartDescription DescribeGaussian() {
  PartDescription part{"head", "gaussian",
                       "Gaussian classes of all features in closed form: running means, one pooled "
                       "covariance, equal priors.",
                       ClosedFormSettings()};
  part.settings.push_back({.name = "mean_forgetting",
                           .unit = "per target",
                           .minimum = 0.5,
                           .maximum = 1,
                           .default_value = 0.995,
                           .sentence = "What a target leaves of the weight of those of its own "
                                       "class before, in the class's mean."});
  return part;
}

template <typename T>
GaussianHead<T>::GaussianHead(const PartSpec& part, const HeadShape& shape)
    : ClosedFormHead<T>(part, shape),
      mean_forgetting_(part.Number("mean_forgetting")),
      forgetting_(part.Number("forgetting")),
      scatter_(part, shape.features()),
      d_(static_cast<std::size_t>(shape.features())),
      row_(static_cast<std::size_t>(this->outputs())) {}

template <typename T>
std::int64_t GaussianHead<T>::StateSize() const {
  return scatter_.size() + 1 + this->outputs() * (1 + this->features());
}

template <typename T>
void GaussianHead<T>::InitializeState(T* state) const {
  scatter_.Initialize(state);
  std::fill(state + scatter_.size(), state + StateSize(), T{0});
}

template <typename T>
void GaussianHead<T>::Discriminate(const Sample& sample, T* theta) const {
  const typename InverseScatter<T>::Change& change = scatter_.change();
  kernels::MatVec(theta, d_.data(), this->features(), this->outputs(), row_.data());
  kernels::Scale(row_.data(), -change.gain, this->outputs());
  AddOuterProduct(change.along, row_, theta);
  kernels::Scale(theta, static_cast<T>(sample.grown), this->bias());
  const T moved = static_cast<T>(sample.total * sample.eta) * (T{1} - change.gain * change.spread) /
                  change.kept;
  T* column = theta + sample.label;
  for (const T u : change.along) {
    *column += moved * u;
    column += this->outputs();
  }
}

template <typename T>
void GaussianHead<T>::Pull(T* theta) const {
  const typename InverseScatter<T>::Change& change = scatter_.change();
  const T* const pulled = theta + change.place * this->outputs();
  for (std::size_t c = 0; c < row_.size(); ++c) row_[c] = -change.gain * pulled[c];
  AddOuterProduct(change.along, row_, theta);
}

template <typename T>
void GaussianHead<T>::SetConstants(const T* means, T* theta) const {
  const std::int64_t m = this->outputs();
  T* const constants = theta + this->bias();
  std::fill_n(constants, m, T{0});
  for (std::int64_t i = 0; i < this->features(); ++i) {
    for (std::int64_t c = 0; c < m; ++c) constants[c] -= means[i * m + c] * theta[i * m + c];
  }
  kernels::Scale(constants, T(0.5), m);
}

template <typename T>
bool GaussianHead<T>::Learn(const T* f, const TargetRow<T>& target, double weight, T* theta,
                            T* state) const {
  MILLRACE_CHECK(target.kind == TargetKind::kClass);
  if (this->Silent(f)) return true;
  const std::int64_t m = this->outputs();
  T& total = state[scatter_.size()];
  T& count = state[scatter_.size() + 1 + target.label];
  T* const means = state + scatter_.size() + 1 + m;

  const double before = Forgotten(mean_forgetting_, weight) * static_cast<double>(count);
  const double now = before + weight;
  const double remembered = Forgotten(forgetting_, weight) * static_cast<double>(total);
  Sample sample{target.label, weight / now, remembered + weight, 0};
  if (remembered > 0) sample.grown = sample.total / remembered;
  for (std::size_t i = 0; i < d_.size(); ++i) {
    d_[i] = f[i] - means[static_cast<std::int64_t>(i) * m + target.label];
  }
  if (!scatter_.Update(d_.data(), weight, weight * before / now, state)) return false;
  count = static_cast<T>(now);
  total = static_cast<T>(sample.total);
  for (std::size_t i = 0; i < d_.size(); ++i) {
    means[static_cast<std::int64_t>(i) * m + target.label] += static_cast<T>(sample.eta) * d_[i];
  }
  Discriminate(sample, theta);
  scatter_.Replenish(weight, state);
  Pull(theta);
  SetConstants(means, theta);
  return true;
}

template class GaussianHead<float>;
template class GaussianHead<double>;

}  // namespace millrace::engine
