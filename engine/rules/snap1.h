// SnAp-1 (Menick et al. 2021), which for a rate network is e-prop (Bellec et al. 2020):
//   E[j, i] = J_ii E[j, i] + D_i hhat[j],   J_ii = (1 - al) + D_i W_ii,   G = diag(q) E,
// with D = al phi'(a). Exact RTRL where W is diagonal.
#ifndef MILLRACE_ENGINE_RULES_SNAP1_H_
#define MILLRACE_ENGINE_RULES_SNAP1_H_

#include <vector>

#include "engine/rules/rule.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeSnap1();

template <typename T>
class Snap1Rule final : public Rule<T> {
 public:
  RuleTrait trait() const override { return RuleTrait::kBiased; }
  std::int64_t StateSize(std::int64_t n, std::int64_t k) const override { return n * k; }
  void Advance(const Cell<T>& cell, const T* theta, const CellStep<T>& step, T* state) override;
  void Gradient(const Feedback<T>& feedback, const CellStep<T>& step, const T* constants,
                const T* state, bool sparse, T* g) override;

 private:
  std::vector<T> carry_;  // scratch [n]
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_SNAP1_H_
