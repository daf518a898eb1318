#include "tests/reference/network.h"

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

}  // namespace millrace::reference
