// The reference's learning rules: how the gradient of a step's loss with respect to the cell's
// weights is formed. D is the slope dh/da (with the leak in it), hh = [h'; z; 1], J = dh/dh'.
//
//   immediate   E = lambda E + (1 - lambda if normalised, else 1) D hh^T ; G = diag(q) E
//               (lambda 0: T-BPTT(1); traces as Murray 2019, eLife 8:e43299)
//   rflo        E = (1 - al) E + D hh^T ; G = diag(q_fb) E, q_fb = V^T dz or B dz (Murray 2019)
//   snap1       E_ij = J_ii E_ij + D_i hh_j, J_ii = (1 - al) + D_i W_ii (Menick et al. 2021)
//   rtrl        S = J S + D hh^T, every entry (Williams and Zipser 1989); for limit cases
//   frozen      no gradient
//
// Thread-compatible. O(n^2 (n + d)) at most a step but for rtrl, O(n^3 (n + d)).
#ifndef MILLRACE_TESTS_REFERENCE_RULES_H_
#define MILLRACE_TESTS_REFERENCE_RULES_H_

#include "tests/reference/network.h"

namespace millrace::reference {

enum class RuleKind { kImmediate, kRflo, kSnap1, kFrozen, kRtrl };

struct RuleSetup {
  RuleKind kind = RuleKind::kImmediate;
  double decay = 0;         // lambda of kImmediate
  bool normalised = false;  // of kImmediate
  Vector feedback;          // B [n, m] row-major of kRflo; empty: V^T
};

class Rule {
 public:
  Rule(const RuleSetup& setup, const Shape& shape, double leak);

  // The state of a new stream, and after a reset.
  void Reset();

  // Takes a step in: from h_prev [n] and z [d] to `step`, under `weights`.
  void Advance(const Vector& weights, const Vector& h_prev, const Vector& z,
               const CellResult& step);

  // dL/d(cell weights) [CellSize()], from dL/dh [n] and dL/dy [m] of the step taken in last.
  Vector Gradient(const Vector& q, const Vector& dz) const;

  RuleSetup& setup() { return setup_; }

 private:
  void AdvanceTrace(const Vector& weights, const Vector& hh, const CellResult& step);
  void AdvanceSensitivity(const Vector& weights, const Vector& hh, const CellResult& step);
  // Where the weight from hh[j] to unit i is in the flat vector.
  int Place(int i, int j) const;

  RuleSetup setup_;
  Shape shape_;
  double leak_;
  Vector trace_;        // [n, n + d + 1], unit-local rules
  Vector sensitivity_;  // [n, CellSize()], rtrl
};

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_RULES_H_
