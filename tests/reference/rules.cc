#include "tests/reference/rules.h"

#include <algorithm>

namespace millrace::reference {

Rule::Rule(const RuleSetup& setup, const Shape& shape, double leak)
    : setup_(setup), shape_(shape), leak_(leak) {
  Reset();
}

void Rule::Reset() {
  trace_.assign(shape_.CellSize(), 0.0);
  sensitivity_.assign(setup_.kind == RuleKind::kRtrl ? shape_.units * shape_.CellSize() : 0, 0.0);
}

int Rule::Place(int i, int j) const {
  if (j < shape_.units) return shape_.W(i, j);
  if (j < shape_.units + shape_.inputs) return shape_.U(i, j - shape_.units);
  return shape_.B(i);
}

void Rule::Advance(const Vector& weights, const Vector& h_prev, const Vector& z,
                   const CellResult& step) {
  Vector hh = h_prev;
  hh.insert(hh.end(), z.begin(), z.end());
  hh.push_back(1);
  if (setup_.kind == RuleKind::kRtrl) {
    AdvanceSensitivity(weights, hh, step);
  } else {
    AdvanceTrace(weights, hh, step);
  }
}

void Rule::AdvanceTrace(const Vector& weights, const Vector& hh, const CellResult& step) {
  const int columns = static_cast<int>(hh.size());
  for (int i = 0; i < shape_.units; ++i) {
    double carry = 0;
    double share = 1;
    switch (setup_.kind) {
      case RuleKind::kImmediate:
        carry = setup_.decay;
        if (setup_.normalised) share = 1 - setup_.decay;
        break;
      case RuleKind::kRflo:
        carry = 1 - leak_;
        break;
      case RuleKind::kSnap1:
        carry = (1 - leak_) + step.slope[i] * weights[shape_.W(i, i)];
        break;
      case RuleKind::kFrozen:
      case RuleKind::kRtrl:
        break;
    }
    for (int j = 0; j < columns; ++j) {
      double& e = trace_[i * columns + j];
      e = carry * e + share * step.slope[i] * hh[j];
    }
  }
}

void Rule::AdvanceSensitivity(const Vector& weights, const Vector& hh, const CellResult& step) {
  const int p = shape_.CellSize();
  const Vector before = sensitivity_;
  for (int k = 0; k < shape_.units; ++k) {
    for (int place = 0; place < p; ++place) {
      double sum = (1 - leak_) * before[k * p + place];
      for (int l = 0; l < shape_.units; ++l) {
        sum += step.slope[k] * weights[shape_.W(k, l)] * before[l * p + place];
      }
      sensitivity_[k * p + place] = sum;
    }
    for (int j = 0; j < static_cast<int>(hh.size()); ++j) {
      sensitivity_[k * p + Place(k, j)] += step.slope[k] * hh[j];
    }
  }
}

Vector Rule::Gradient(const Vector& q, const Vector& dz) const {
  const int p = shape_.CellSize();
  Vector gradient(p);
  if (setup_.kind == RuleKind::kFrozen) return gradient;
  if (setup_.kind == RuleKind::kRtrl) {
    for (int k = 0; k < shape_.units; ++k) {
      for (int place = 0; place < p; ++place) gradient[place] += q[k] * sensitivity_[k * p + place];
    }
    return gradient;
  }
  const int columns = shape_.units + shape_.inputs + 1;
  for (int i = 0; i < shape_.units; ++i) {
    double signal = q[i];
    if (!setup_.feedback.empty()) {
      signal = 0;
      for (int k = 0; k < shape_.outputs; ++k) {
        signal += setup_.feedback[i * shape_.outputs + k] * dz[k];
      }
    }
    for (int j = 0; j < columns; ++j) gradient[Place(i, j)] = signal * trace_[i * columns + j];
  }
  return gradient;
}

}  // namespace millrace::reference
