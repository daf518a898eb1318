// Self-propagation: what a step leaves of each state component by itself, the diagonal of J =
// dstate/dstate' [N, N].
#ifndef MILLRACE_ENGINE_DIAGNOSTICS_SELF_PROPAGATION_H_
#define MILLRACE_ENGINE_DIAGNOSTICS_SELF_PROPAGATION_H_

#include <vector>

#include "engine/cells/cell.h"

namespace millrace::engine {

struct Diagonal {
  double mean = 0;           // trace of J over N: signs cancel
  double mean_absolute = 0;  // mean of |J_ii|
};

// Thread-compatible (scratch); nothing is allocated after construction. O(n^2) of a cell of gates,
// N forward products of others.
template <typename T>
class SelfPropagation {
 public:
  // The cell must outlive it.
  explicit SelfPropagation(const Cell<T>& cell);
  Diagonal Measure(const T* theta, const CellStep<T>& step);

 private:
  void LoadOfGates(const T* theta, const CellStep<T>& step);
  void LoadOfAny(const T* theta, const CellStep<T>& step);

  const Cell<T>& cell_;
  std::vector<T> diagonal_;                 // [N]
  std::vector<T> jacobian_;                 // of the fed-back component [n, c]
  std::vector<T> tangent_, after_, extra_;  // [N], [N], the cell's scratch
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_DIAGNOSTICS_SELF_PROPAGATION_H_
