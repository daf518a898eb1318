// SnAp-1 (Menick et al. 2021), which for a rate network is e-prop (Bellec et al. 2020):
//   E[j, i] = J_ii E[j, i] + D_i hhat[j],   J_ii = (1 - al) + D_i W_ii,   G = diag(q) E,
// with D = al phi'(a). For a cell of several components J_ii is the matrix of the unit's own ones.
// Exact RTRL where no unit reaches another.
#ifndef MILLRACE_ENGINE_RULES_SNAP1_H_
#define MILLRACE_ENGINE_RULES_SNAP1_H_

#include <vector>

#include "engine/rules/rule.h"
#include "engine/rules/unit_traces.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeSnap1();

// The carry's pairs, and from the fed-back component to each that a recurrent gate reaches: which
// traces of a unit flow into which.
std::vector<Pair> OwnUnitCoupling(const Structure& structure);

// J_ii of every unit, and the traces that follow from it: SnAp-1, and exact RTRL of diagonal cells.
template <typename T>
class OwnUnitTraces {
 public:
  explicit OwnUnitTraces(const Structure& structure);

  std::int64_t size() const { return traces_.size(); }
  bool exact() const { return structure_.diagonal(); }
  void Advance(const T* theta, const CellStep<T>& step, T* state);
  void Sweep(const LearningStep<T>& step, const TakingRows& rows, T* state,
             std::vector<TracedGradient<T>>* gradient);
  void Contract(const T* q, const T* state, T* g) { traces_.Contract(q, state, g); }

 private:
  // Fills the traces' coupling with J_ii.
  void LoadCoupling(const T* theta, const CellStep<T>& step);

  Structure structure_;
  UnitTraces<T> traces_;
};

template <typename T>
class Snap1Rule final : public Rule<T> {
 public:
  // The cell's parameters reach their own unit alone.
  explicit Snap1Rule(const Cell<T>& cell) : traces_(*cell.structure()) {}

  RuleTrait trait() const override {
    return traces_.exact() ? RuleTrait::kExact : RuleTrait::kBiased;
  }
  std::int64_t StateSize() const override { return traces_.size(); }
  std::int64_t Reach() const override { return 1; }
  void Advance(const T* theta, const CellStep<T>& step, std::uint64_t, T* state) override {
    traces_.Advance(theta, step, state);
  }
  void Gradient(const Feedback<T>& feedback, const RuleView<T>& view, bool, T* g) override {
    traces_.Contract(feedback.q, view.state, g);
  }
  bool has_traced() const override { return true; }
  void AdvanceTraced(const LearningStep<T>& step, const TakingRows& rows, T* state,
                     std::vector<TracedGradient<T>>* traced) override {
    traces_.Sweep(step, rows, state, traced);
  }

 private:
  OwnUnitTraces<T> traces_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_SNAP1_H_
