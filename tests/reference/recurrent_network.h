// The network of the reference: cell, direct features and head, and the layout of all weights.
//
// State [S]: the cell's [N + A], then the filters of x, [d] each:  f = f' + (x - f') / tau, tau at
// least 1; then, with contexts, the last four bytes. Features: the cell's outputs, x if `direct` is
// set, the filters.
// Weights [p]: the cell's blocks, then the head's. Thread-safe: immutable, shared by copies.
#ifndef MILLRACE_TESTS_REFERENCE_RECURRENT_NETWORK_H_
#define MILLRACE_TESTS_REFERENCE_RECURRENT_NETWORK_H_

#include <memory>
#include <vector>

#include "tests/reference/cells/cell.h"
#include "tests/reference/contexts.h"
#include "tests/reference/heads/head.h"
#include "tests/reference/specification.h"

namespace millrace::reference {

class RecurrentNetwork {
 public:
  explicit RecurrentNetwork(const Specification& specification);

  const Cell& cell() const { return *cell_; }
  std::shared_ptr<const Cell> shared_cell() const { return cell_; }
  const Head& head() const { return *head_; }
  const Layout& layout() const { return layout_; }
  int StateSize() const;  // S

  // Parts of the weights [p].
  Vector CellWeights(const Vector& weights) const;
  Vector HeadWeights(const Vector& weights) const;

  // State after, [S], from the state before and the input as it is taken.
  Vector Next(const Vector& weights, const Vector& state, const Vector& z) const;
  // The same with the cell's part known.
  Vector NextOf(const Vector& cell_next, const Vector& state, const Vector& z) const;
  // Features of the state after.
  Vector Features(const Vector& state, const Vector& z) const;
  // y [m] of the state after; contexts add their logits.
  Vector Predict(const Vector& weights, const Contexts& contexts, const Vector& state,
                 const Vector& z) const;
  // The last bytes in the state after [4]; empty without contexts.
  Vector History(const Vector& state) const;

 private:
  std::shared_ptr<const Cell> cell_;
  std::shared_ptr<const Head> head_;
  bool direct_, contexts_;
  Vector taus_;
  Layout layout_;
};

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_RECURRENT_NETWORK_H_
