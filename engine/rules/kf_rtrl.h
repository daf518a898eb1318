// Kronecker-factored real-time recurrent learning (Mujika, Meier and Steger 2018): the
// sensitivities as one Kronecker product, S[k, (j, i)] ~ A[j] B[k, i], exact in the mean over the
// signs nu0, nu1:
//   A = nu0 p0 A' + nu1 p1 f,   B = nu0 J B' / p0 + nu1 D / p1,   G[j, i] = A[j] (B^T q)[i],
//   p0 = sqrt(|J B'| / |A'|),   p1 = sqrt(|D| / |f|),   f = [h'; x; 1],   D = diag(dh/da).
// A scale whose ratio has a 0 above or below is 1. dh/dtheta must be the one product of f and D,
// which it is for one gate that sees all of f. O(n^2) numbers, O(n^3) operations.
//
// State: A [n + d + 1], then B [n, n], row k the sensitivities of unit k. Noise: nu0, nu1.
#ifndef MILLRACE_ENGINE_RULES_KF_RTRL_H_
#define MILLRACE_ENGINE_RULES_KF_RTRL_H_

#include <vector>

#include "absl/status/status.h"
#include "engine/rules/noise.h"
#include "engine/rules/rule.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeKfRtrl();
absl::Status CheckKfRtrl(const PartSpec& cell, const Structure* structure);

template <typename T>
class KfRtrlRule final : public Rule<T> {
 public:
  // The cell passes CheckKfRtrl.
  KfRtrlRule(const Cell<T>& cell, std::uint64_t seed);

  RuleTrait trait() const override { return RuleTrait::kUnbiased; }
  std::int64_t StateSize() const override { return rows_ + structure_.n * structure_.n; }
  std::int64_t NoiseSize() const override { return noise_.count(); }
  void InjectNoise(const T* values, std::int64_t count) override { noise_.Inject(values, count); }
  void Advance(const T* theta, const CellStep<T>& step, std::uint64_t number, T* state) override;
  void Gradient(const Feedback<T>& feedback, const RuleView<T>& view, bool sparse, T* g) override;

 private:
  void FillPassed(const T* theta, const CellStep<T>& step, const T* b);

  Structure structure_;
  std::int64_t rows_;  // of f
  Noise<T> noise_;
  std::vector<T> jacobian_, passed_;  // scratch [n, n]: J without the carry, J B
  std::vector<T> signal_;             // scratch [n]
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_KF_RTRL_H_
