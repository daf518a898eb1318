// Gaussian classes in closed form: running means m_c, one pooled covariance A / N, equal priors
// (Fisher 1936),  y_c = m_c . N A^-1 f - m_c . N A^-1 m_c / 2.
// A target of class c and weight w, means forgotten by mean_forgetting (.995) for each target of
// their own class, the scatter by forgetting for each target:
//   n = mean_forgetting^w n_c, n_c = n + w, d = f - m_c, m_c += w / n_c d,
//   A = lambda^w A + w n / n_c d d^T, N = lambda^w N + w.
#include <algorithm>

#include "tests/reference/heads/closed_form.h"

namespace millrace::reference {
namespace {

class Gaussian final : public HeadOf<AllFeatures> {
 public:
  Gaussian(const Part& part, const HeadShape& shape)
      : HeadOf<AllFeatures>(part, shape),
        features_(shape.cell_outputs + shape.direct),
        classes_(static_cast<std::size_t>(shape.outputs)),
        mean_forgetting_(part.Number("mean_forgetting", 0.995)),
        scatter_(part, shape.cell_outputs + shape.direct) {}

  // A and its turn, N, n [m], means [m, k].
  Vector InitialState() const override {
    Vector state = scatter_.Initial();
    state.resize(Means() + classes_ * features_);
    return state;
  }

  void Learn(const Vector& features, const Target& target, double weight, Vector* weights,
             Vector* state) const override {
    if (IsSilent(features)) return;
    const auto label =
        std::max_element(target.values.begin(), target.values.end()) - target.values.begin();
    double& total = (*state)[Total()];
    double& count = (*state)[Total() + 1 + label];
    const double before = Forgotten(mean_forgetting_, weight) * count;
    count = before + weight;
    Vector d = features;
    for (std::size_t i = 0; i < features_; ++i) {
      double& mean = (*state)[Means() + label * features_ + i];
      d[i] -= mean;
      mean += weight / count * d[i];
    }
    scatter_.TakeIn(d, weight, weight * before / count, state);
    total = scatter_.Kept(weight) * total + weight;
    Discriminate(*state, weights);
  }

 private:
  std::size_t Total() const { return static_cast<std::size_t>(scatter_.size()); }
  std::size_t Means() const { return Total() + 1 + classes_; }

  void Discriminate(const Vector& state, Vector* weights) const {
    for (std::size_t c = 0; c < classes_; ++c) {
      const auto begin = state.begin() + static_cast<std::ptrdiff_t>(Means() + c * features_);
      const Vector mean(begin, begin + static_cast<std::ptrdiff_t>(features_));
      const Vector column = scatter_.Solve(state, mean);
      double constant = 0;
      for (std::size_t i = 0; i < features_; ++i) {
        (*weights)[i * classes_ + c] = state[Total()] * column[i];
        constant -= mean[i] * state[Total()] * column[i] / 2;
      }
      (*weights)[features_ * classes_ + c] = constant;
    }
  }

  std::size_t features_, classes_;  // k, m
  double mean_forgetting_;
  Scatter scatter_;
};

}  // namespace

std::shared_ptr<const Head> MakeGaussian(const Part& part, const HeadShape& shape) {
  return std::make_shared<Gaussian>(part, shape);
}

}  // namespace millrace::reference
