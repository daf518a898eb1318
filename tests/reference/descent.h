// The reference's optimizers: each weight has slots, powers and a turn of its own, so that weights
// of an input that was not there, or of an output that was not known, wait.
//
//   sgd       momentum 0: m = mu m + g ; theta -= rate m                            (Polyak 1964)
//   rmsprop   v = b2 v + (1 - b2) g^2 ; theta -= rate g / (sqrt(v / (1 - b2^k)) + eps)
//             uncorrected: without (1 - b2^k)                       (Tieleman and Hinton 2012)
//   adam      m = b1 m + (1 - b1) g, v as above ; theta -= rate (m / (1 - b1^k)) / (sqrt(..) + eps)
//             moments "first": theta -= rate m / (1 - b1^k); "second": corrected rmsprop
//                                                                   (Kingma and Ba 2015)
//   adamw     adam, and theta -= rate decay theta                   (Loshchilov and Hutter 2019)
//   obgd      theta -= rate g / max(1, r kappa max(1, e) |g|_1 / e), e = |dL/dy|_1, r the largest
//   of
//             the groups' rates, |g|_1 over the weights whose turn it is; e = 0: no change
//                                            (overshoot-bounded, after Elsayed et al. 2024)
//
// epsilon_inside: / sqrt(v / (1 - b2^k) + eps). epsilon_uncorrected: eps is added to sqrt(v) before
// the correction, that is / (sqrt(v / (1 - b2^k)) + eps / sqrt(1 - b2^k)).
// Settings: rate 1e-3, rate_GROUP (absent or negative: rate; 0: never changes), momentum, beta1 .9,
// beta2 (.99; adam, adamw: .999), epsilon 1e-8, weight_decay, uncorrected, epsilon_inside,
// epsilon_uncorrected, moments, kappa 2. k counts the updates of that weight. Thread-compatible.
#ifndef MILLRACE_TESTS_REFERENCE_DESCENT_H_
#define MILLRACE_TESTS_REFERENCE_DESCENT_H_

#include <string>
#include <vector>

#include "tests/reference/layout.h"
#include "tests/reference/part.h"
#include "tests/reference/vector.h"

namespace millrace::reference {

class Descent {
 public:
  Descent(const Part& part, const Layout& layout);

  // Changes the weights whose turn it is. gradient, active, weights [p]; dz [m] = dL/dy.
  void Update(const Vector& gradient, const std::vector<bool>& active, const Vector& dz,
              Vector* weights);

  // Takes other settings, such as rates; slots stay.
  void Set(const Part& part) { part_ = part; }
  const Part& part() const { return part_; }
  double Rate(const std::string& group) const;
  const Vector& first() const { return first_; }
  const Vector& second() const { return second_; }

 private:
  double Change(int place, double gradient, double rate, double weight);
  // v / (1 - b2^k), rooted, with epsilon where the settings have it.
  double Divisor(double second, double correction) const;
  // What obgd multiplies all rates by.
  double Bound(const Vector& gradient, const std::vector<bool>& active, const Vector& dz) const;

  Part part_;
  Layout layout_;
  Vector first_, second_;   // slots
  Vector power1_, power2_;  // beta^k of each weight
};

std::vector<std::string> OptimizerNames();

// Scales gradient so that the norm over the active weights is at most `limit` (0: never), over all
// groups together or each group apart. Returns whether it did.
bool ClipGradient(const Layout& layout, double limit, bool per_group,
                  const std::vector<bool>& active, Vector* gradient);

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_DESCENT_H_
