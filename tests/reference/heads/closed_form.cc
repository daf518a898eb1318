#include "tests/reference/heads/closed_form.h"

#include <algorithm>
#include <cmath>

namespace millrace::reference {

AllFeatures::AllFeatures(const Part& /*part*/, const HeadShape& of, Layout* layout) : shape(of) {
  layout->Add("readout", "readout", shape.cell_outputs + shape.direct, shape.outputs, false);
  layout->Add("readout_bias", "readout", 1, shape.outputs, false);
}

double Forgotten(double forgetting, double weight) {
  return weight == 1 ? forgetting : std::max(1e-6, std::pow(forgetting, weight));
}

bool IsSilent(const Vector& features) {
  return std::all_of(features.begin(), features.end(), [](double value) { return value == 0; });
}

Scatter::Scatter(const Part& part, int k)
    : k_(k),
      forgetting_(part.Number("forgetting", 0.9998)),
      ridge_(part.Number("ridge", 0.01)),
      prior_weight_(part.Number("prior_weight", 50)) {}

Vector Scatter::Initial() const {
  Vector state(static_cast<std::size_t>(size()));
  for (int i = 0; i < k_; ++i) state[i * k_ + i] = ridge_ * prior_weight_;
  return state;
}

double Scatter::Kept(double weight) const { return Forgotten(forgetting_, weight); }

void Scatter::TakeIn(const Vector& v, double weight, double share, Vector* state) const {
  const auto k = static_cast<std::size_t>(k_);
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < k; ++j) {
      double& sum = (*state)[i * k + j];
      sum = Kept(weight) * sum + share * v[i] * v[j];
    }
  }
  double& turn = (*state)[k * k];
  const auto place = static_cast<std::size_t>(turn);
  (*state)[place * k + place] += weight * ridge_ * k_;
  turn = place + 1 == k ? 0 : turn + 1;
}

Vector Scatter::Times(const Vector& state, const Vector& x) const {
  const auto k = static_cast<std::size_t>(k_);
  Vector product(k);
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < k; ++j) product[i] += state[i * k + j] * x[j];
  }
  return product;
}

// Gaussian elimination; A is positive definite, so that no pivot is 0.
Vector Scatter::Solve(const Vector& state, const Vector& b) const {
  const auto k = static_cast<std::size_t>(k_);
  Vector a(state.begin(), state.begin() + k_ * k_);
  Vector x = b;
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t row = i + 1; row < k; ++row) {
      const double factor = a[row * k + i] / a[i * k + i];
      for (std::size_t j = i; j < k; ++j) a[row * k + j] -= factor * a[i * k + j];
      x[row] -= factor * x[i];
    }
  }
  for (std::size_t i = k; i-- > 0;) {
    for (std::size_t j = i + 1; j < k; ++j) x[i] -= a[i * k + j] * x[j];
    x[i] /= a[i * k + i];
  }
  return x;
}

}  // namespace millrace::reference
