#include "tests/reference/losses.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "tests/reference/ad.h"

namespace millrace::reference {
namespace {

// The mean over the known outputs of a loss per output, `each`(y, t) -> {loss, slope}.
template <typename Each>
LossResult MeanOverKnown(const Vector& y, const Vector& target, const Each& each) {
  const std::size_t m = y.size();
  LossResult result{0, Vector(m), std::vector<bool>(m)};
  int known = 0;
  for (std::size_t k = 0; k < m; ++k) {
    result.known[k] = !std::isnan(target[k]);
    known += result.known[k] ? 1 : 0;
  }
  for (std::size_t k = 0; k < m; ++k) {
    if (!result.known[k]) continue;
    const auto [loss, slope] = each(y[k], target[k]);
    result.loss += loss / known;
    result.dz[k] = slope / known;
  }
  return result;
}

struct Term {
  double loss, slope;
};

}  // namespace

LossResult SquaredError(const Vector& y, const Vector& target) {
  return MeanOverKnown(y, target, [](double out, double t) {
    return Term{(out - t) * (out - t), 2 * (out - t)};
  });
}

LossResult BinaryCrossEntropy(const Vector& y, const Vector& target) {
  return MeanOverKnown(y, target, [](double out, double t) {
    return Term{Softplus(out) - t * out, Sigmoid(out) - t};
  });
}

LossResult Poisson(const Vector& y, const Vector& target) {
  return MeanOverKnown(y, target, [](double out, double t) {
    const double slope = std::exp(std::min(out, 30.0));
    return Term{slope * (1 + std::max(out - 30, 0.0)) - t * out, slope - t};
  });
}

Vector Softmax(const Vector& y) {
  const double largest = *std::max_element(y.begin(), y.end());
  Vector probabilities(y.size());
  double sum = 0;
  for (std::size_t k = 0; k < y.size(); ++k) sum += probabilities[k] = std::exp(y[k] - largest);
  for (double& probability : probabilities) probability /= sum;
  return probabilities;
}

LossResult CrossEntropy(const Vector& y, const Vector& probabilities) {
  const Vector softmax = Softmax(y);
  const std::size_t m = y.size();
  LossResult result{0, Vector(m), std::vector<bool>(m, true)};
  for (std::size_t k = 0; k < m; ++k) {
    if (probabilities[k] > 0) result.loss -= probabilities[k] * std::log(softmax[k]);
    result.dz[k] = softmax[k] - probabilities[k];
  }
  return result;
}

LossResult LossOf(const std::string& name, const Vector& y, const Vector& target) {
  if (name == "mean_squared_error") return SquaredError(y, target);
  if (name == "cross_entropy") return CrossEntropy(y, target);
  if (name == "binary_cross_entropy") return BinaryCrossEntropy(y, target);
  if (name == "poisson") return Poisson(y, target);
  std::fprintf(stderr, "the reference has no loss '%s'; write it in tests/reference/losses.cc\n",
               name.c_str());
  std::abort();
}

std::vector<std::string> LossNames() {
  return {"mean_squared_error", "cross_entropy", "binary_cross_entropy", "poisson"};
}

}  // namespace millrace::reference
