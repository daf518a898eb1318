// Gaussian classes in closed form: the linear discriminant with running class means, one pooled
// covariance S and equal priors (Fisher 1936; Hastie, Tibshirani and Friedman 2009, eq. 4.10),
//   y_c = m_c . S^-1 f - m_c . S^-1 m_c / 2.
//
// Means and scatter are forgotten apart: the means by `mean_forgetting` for each target of the
// class itself, since they are what drifts, the scatter by `forgetting` for each target. With P and
// its changes as in inverse_scatter.h, N the weight of the scatter, n_c those of the means, and a
// target of class c and weight w:
//   n = mean_forgetting^w n_c;  n_c = n + w;  eta = w / n_c;  d = f - m_c;  m_c += eta d
//   Update(d, b = w n / n_c): what w more of a class adds to its scatter (Welford 1962; West 1979)
//   N' = forgetting^w N + w;  r = N' / (forgetting^w N), 0 at the first target
//   W_j = r (W_j - g (d . W_j) u) for every class j;  W_c += N' eta (1 - g s) / forgetting^w u
//   Replenish: W_ij -= g q_i W_.j at q's place, for every class j;  y's constants -m_j . W_j / 2
// so that W_j = N P m_j, S = A / N. d . W_j is of the old weights: that contracts rounding errors,
// where u . m_j would let them grow.
// A class that was never seen has outputs of 0: a class whose mean is that of all features, where
// features are centred. Targets are classes, not probabilities. Features that are all zero teach
// nothing. O(k^2 + k m) a target.
#ifndef MILLRACE_ENGINE_HEADS_GAUSSIAN_H_
#define MILLRACE_ENGINE_HEADS_GAUSSIAN_H_

#include <vector>

#include "engine/heads/closed_form.h"
#include "engine/heads/inverse_scatter.h"

namespace millrace::engine {

PartDescription DescribeGaussian();

// State: the inverse scatter, N, n [m], means [k, m].
template <typename T>
class GaussianHead final : public ClosedFormHead<T> {
 public:
  GaussianHead(const PartSpec& part, const HeadShape& shape);

  bool classes_only() const override { return true; }
  std::int64_t StateSize() const override;
  void InitializeState(T* state) const override;
  bool Learn(const T* f, const TargetRow<T>& target, double weight, T* theta,
             T* state) const override;

 private:
  // How a target of one class counts.
  struct Sample {
    std::int64_t label;
    double eta;    // share of the class's mean
    double total;  // N'
    double grown;  // r
  };
  void Discriminate(const Sample& sample, T* theta) const;  // after an Update
  void Pull(T* theta) const;                                // after a Replenish
  void SetConstants(const T* means, T* theta) const;

  double mean_forgetting_, forgetting_;
  InverseScatter<T> scatter_;
  mutable std::vector<T> d_;    // [k]
  mutable std::vector<T> row_;  // [m]
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_HEADS_GAUSSIAN_H_
