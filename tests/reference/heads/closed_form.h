// Heads in closed form: y = W f + c of all features, with weights that are solved for at every
// target from running sums, A [k, k] and what a head has beside it; nothing is updated in place.
//
//   A starts at ridge prior_weight I. A target of weight w:
//   A = lambda^w A + (the head's own term) ; then A_jj += w ridge k, j taking 0 .. k-1 in turn,
// lambda^w at least 1e-6, lambda itself for w = 1. So the ridge, forgotten like the rest, comes
// back an element at a time and what is never excited keeps a bounded inverse. Settings: forgetting
// .9998, ridge .01, prior_weight 50. Features that are all 0 teach nothing. Thread-safe: pure
// functions and values.
#ifndef MILLRACE_TESTS_REFERENCE_HEADS_CLOSED_FORM_H_
#define MILLRACE_TESTS_REFERENCE_HEADS_CLOSED_FORM_H_

#include "tests/reference/heads/head.h"

namespace millrace::reference {

// y = W f + c; blocks readout [k, m] and readout_bias [1, m], which no optimizer learns.
struct AllFeatures {
  AllFeatures(const Part& part, const HeadShape& of, Layout* layout);

  template <typename S>
  std::vector<S> Forward(const std::vector<S>& weights, const std::vector<S>& features) const {
    const auto m = static_cast<std::size_t>(shape.outputs);
    std::vector<S> y(m);
    for (std::size_t c = 0; c < m; ++c) {
      S sum = weights[features.size() * m + c];
      for (std::size_t i = 0; i < features.size(); ++i) sum += weights[i * m + c] * features[i];
      y[c] = sum;
    }
    return y;
  }

  HeadShape shape;
};

// The forgotten sum A and the turn of its ridge, kept at a place of a head's state:
// A [k, k] row-major, then j.
class Scatter {
 public:
  Scatter(const Part& part, int k);

  int size() const { return k_ * k_ + 1; }
  Vector Initial() const;
  // lambda^w.
  double Kept(double weight) const;
  // A = lambda^w A + share v v^T, then the ridge's turn. `state` begins with this scatter.
  void TakeIn(const Vector& v, double weight, double share, Vector* state) const;
  // x with A x = b.
  Vector Solve(const Vector& state, const Vector& b) const;
  // A x.
  Vector Times(const Vector& state, const Vector& x) const;

 private:
  int k_;
  double forgetting_, ridge_, prior_weight_;
};

double Forgotten(double forgetting, double weight);
bool IsSilent(const Vector& features);

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_HEADS_CLOSED_FORM_H_
