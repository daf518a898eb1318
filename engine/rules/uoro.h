// Unbiased online recurrent optimisation (Tallec and Ollivier 2018): the sensitivities as one
// product of two vectors, S ~ A B^T, whose mean over the noise nu in {-1, 1}^N is exact:
//   A = p0 J A' + p1 nu,   B = B' / p0 + P^T nu / p1,   G = (q . A) B,
//   p0 = sqrt(|B'| / |J A'|),   p1 = sqrt(|P^T nu| / |nu|),   P = dstate/dtheta at a held state.
// A scale whose ratio has a 0 above or below is 1. For any cell; O(p) numbers and operations; the
// variance grows with the number of units.
//
// State: A [N], then B [p] in the order of the parameters. Noise: nu [N].
#ifndef MILLRACE_ENGINE_RULES_UORO_H_
#define MILLRACE_ENGINE_RULES_UORO_H_

#include <vector>

#include "engine/rules/noise.h"
#include "engine/rules/rule.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeUoro();

template <typename T>
class UoroRule final : public Rule<T> {
 public:
  UoroRule(const Cell<T>& cell, std::uint64_t seed);

  RuleTrait trait() const override { return RuleTrait::kUnbiased; }
  std::int64_t StateSize() const override { return cell_.components() + cell_.parameters(); }
  std::int64_t NoiseSize() const override { return noise_.count(); }
  void InjectNoise(const T* values, std::int64_t count) override { noise_.Inject(values, count); }
  void Advance(const T* theta, const CellStep<T>& step, std::uint64_t number, T* state) override;
  void Gradient(const Feedback<T>& feedback, const RuleView<T>& view, bool sparse, T* g) override;

 private:
  const Cell<T>& cell_;
  Noise<T> noise_;
  // Scratch: J A [N], P^T nu [p], and the cell's own.
  std::vector<T> passed_, drawn_, scratch_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_UORO_H_
