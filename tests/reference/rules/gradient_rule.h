// A learning rule of the reference: how the gradient of a step's loss with respect to the cell's
// weights is formed, by its definition on the dense local derivatives of a step:
// J = carry + recurrent [N, N] and P = dstate/dweights at a held state before [N, p].
// Thread-compatible.
#ifndef MILLRACE_TESTS_REFERENCE_RULES_GRADIENT_RULE_H_
#define MILLRACE_TESTS_REFERENCE_RULES_GRADIENT_RULE_H_

#include <memory>
#include <vector>

#include "tests/reference/cells/cell.h"

namespace millrace::reference {

// A step that a rule takes in.
struct Moment {
  const Vector& weights;  // of the cell [p]
  const Vector& before;   // state before [N + A]
  const Vector& x;        // [d]
  const Local& local;
  const Vector& noise;  // a stochastic rule's draw of this step, else empty
};

class GradientRule {
 public:
  virtual ~GradientRule() = default;
  virtual std::unique_ptr<GradientRule> Clone() const = 0;

  // The state of a new stream, and after a reset.
  virtual void Reset() = 0;
  virtual void Advance(const Moment& moment) = 0;

  // dL/dweights [p] from q = dL/dstate [N] and dz = dL/dy [m] of the step taken in last.
  virtual Vector Gradient(const Vector& q, const Vector& dz) const = 0;

  // How many random numbers Moment::noise has.
  virtual int NoiseSize() const { return 0; }
};

// What a rule draws once, or starts from, given from outside.
struct RuleDraws {
  Vector feedback;                           // rflo: B [cell outputs, m]; empty: the readout's own
  std::vector<std::vector<int>> neighbours;  // sparse_rtrl, random: of each unit, k others
  Vector left, right;                        // uoro: A [N], B [p]; kf_rtrl: A [n + d + 1], B [n, n]
};

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_RULES_GRADIENT_RULE_H_
