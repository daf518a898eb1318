#include "tests/reference/network.h"

#include <algorithm>
#include <cmath>

namespace millrace::reference {

Group GroupOf(const Shape& shape, int place) {
  if (place < shape.U(0, 0)) return Group::kRecurrent;
  if (place < shape.B(0)) return Group::kInput;
  if (place < shape.V(0, 0)) return Group::kBias;
  return Group::kReadout;
}

CellResult StepCell(const Shape& shape, const Vector& weights, double leak, const Vector& h_prev,
                    const Vector& z) {
  CellResult result{Vector(shape.units), Vector(shape.units)};
  for (int i = 0; i < shape.units; ++i) {
    double a = weights[shape.B(i)];
    for (int j = 0; j < shape.units; ++j) a += weights[shape.W(i, j)] * h_prev[j];
    for (int j = 0; j < shape.inputs; ++j) a += weights[shape.U(i, j)] * z[j];
    const double phi = std::tanh(a);
    result.h[i] = (1 - leak) * h_prev[i] + leak * phi;
    result.slope[i] = leak * (1 - phi * phi);
  }
  return result;
}

Vector Readout(const Shape& shape, const Vector& weights, const Vector& h) {
  Vector y(shape.outputs);
  for (int k = 0; k < shape.outputs; ++k) {
    if (shape.head_bias) y[k] = weights[shape.C(k)];
    for (int i = 0; i < shape.units; ++i) y[k] += weights[shape.V(k, i)] * h[i];
  }
  return y;
}

Vector BackThroughReadout(const Shape& shape, const Vector& weights, const Vector& dz) {
  Vector q(shape.units);
  for (int i = 0; i < shape.units; ++i) {
    for (int k = 0; k < shape.outputs; ++k) q[i] += weights[shape.V(k, i)] * dz[k];
  }
  return q;
}

LossResult SquaredError(const Vector& y, const Vector& target) {
  const int m = static_cast<int>(y.size());
  LossResult result{0, Vector(m), std::vector<bool>(m)};
  int known = 0;
  for (int k = 0; k < m; ++k) {
    result.known[k] = !std::isnan(target[k]);
    known += result.known[k] ? 1 : 0;
  }
  for (int k = 0; k < m; ++k) {
    if (!result.known[k]) continue;
    const double error = y[k] - target[k];
    result.loss += error * error / known;
    result.dz[k] = 2 * error / known;
  }
  return result;
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
  const int m = static_cast<int>(y.size());
  LossResult result{0, Vector(m), std::vector<bool>(m, true)};
  for (int k = 0; k < m; ++k) {
    if (probabilities[k] > 0) result.loss -= probabilities[k] * std::log(softmax[k]);
    result.dz[k] = softmax[k] - probabilities[k];
  }
  return result;
}

}  // namespace millrace::reference
