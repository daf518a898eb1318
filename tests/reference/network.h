// The network of the reference: a leaky tanh cell, a linear readout and two losses, written as the
// formulas are, in double precision and one weight at a time.
//
//   a = W h' + U z + b          h = (1 - al) h' + al tanh(a)          y = V h + c
//
// Slow on purpose; includes nothing of kernels/ or engine/. Thread-safe: values, pure functions.
// Letters: n units, d inputs, m outputs.
#ifndef MILLRACE_TESTS_REFERENCE_NETWORK_H_
#define MILLRACE_TESTS_REFERENCE_NETWORK_H_

#include <vector>

#include "tests/reference/losses.h"
#include "tests/reference/vector.h"

namespace millrace::reference {

struct Shape {
  int units = 0;    // n
  int inputs = 0;   // d
  int outputs = 0;  // m
  bool head_bias = true;

  // Places of the weights in the flat vector: W [n, n], U [n, d], b [n], V [m, n], c [m].
  int W(int i, int j) const { return i * units + j; }
  int U(int i, int j) const { return units * units + i * inputs + j; }
  int B(int i) const { return units * (units + inputs) + i; }
  int V(int k, int i) const { return units * (units + inputs + 1) + k * units + i; }
  int C(int k) const { return units * (units + inputs + 1 + outputs) + k; }
  int CellSize() const { return units * (units + inputs + 1); }
  int Size() const { return CellSize() + outputs * (units + (head_bias ? 1 : 0)); }
};

enum class Group { kRecurrent, kInput, kBias, kReadout };
inline constexpr int kGroups = 4;

// Which group the weight at a place belongs to.
Group GroupOf(const Shape& shape, int place);

struct CellResult {
  Vector h;      // [n]
  Vector slope;  // [n] dh/da = al (1 - tanh(a)^2)
};

// h_prev [n], z [d].
CellResult StepCell(const Shape& shape, const Vector& weights, double leak, const Vector& h_prev,
                    const Vector& z);

// y [m] from h [n].
Vector Readout(const Shape& shape, const Vector& weights, const Vector& h);

// dL/dh [n] = V^T dz.
Vector BackThroughReadout(const Shape& shape, const Vector& weights, const Vector& dz);

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_NETWORK_H_
