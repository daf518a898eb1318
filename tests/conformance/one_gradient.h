// One gradient of the engine, read off the weights: gradient descent of rate 1 without a clip moves
// them by exactly the gradient. Beside it the reference's, and central differences of the engine's
// own loss, which go through snapshots whose weights were moved.
#ifndef MILLRACE_TESTS_CONFORMANCE_ONE_GRADIENT_H_
#define MILLRACE_TESTS_CONFORMANCE_ONE_GRADIENT_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "engine/model.h"
#include "engine/snapshot.h"
#include "tests/conformance/script.h"
#include "tests/reference/layout.h"
#include "tests/reference/vector.h"

namespace millrace::conformance {

// Float64; only the last of kHistory steps has a target.
class OneGradient {
 public:
  static constexpr int kHistory = 12;

  OneGradient(const engine::ModelSpec& base, std::uint64_t seed);

  const engine::Model& model() const { return *model_; }
  const Script& script() const { return script_; }
  const reference::Layout& Layout() const { return layout_; }
  const engine::Snapshot& Start() const { return start_; }
  reference::Vector StartWeights() const;
  void SetStartWeights(const reference::Vector& weights);
  // Each recurrent weight as `entry` makes it: (i, j, as it is) from unit j to unit i, of every
  // gate.
  void ChangeRecurrent(const std::function<double(int, int, double)>& entry);

  reference::Vector Gradient() const;
  reference::Vector ReferenceGradient() const;
  // Whole history: the weights are moved before the first step; else before the last one, with the
  // hidden state of the weights as they were.
  reference::Vector Differences(bool whole_history) const;

 private:
  engine::Snapshot After(const engine::Snapshot& snapshot, int from, int to) const;
  double LossWith(engine::Snapshot snapshot, reference::Vector weights, std::size_t place,
                  double step, bool whole_history) const;

  std::shared_ptr<const engine::Model> model_;
  Script script_;
  engine::Snapshot start_;
  reference::Layout layout_;
};

// The largest difference, relative to the largest entry of b.
double Distance(const reference::Vector& a, const reference::Vector& b);

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_ONE_GRADIENT_H_
