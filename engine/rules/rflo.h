// Random feedback local online learning (Murray 2019):
//   E = (1 - al) E + al D hhat^T,   G = diag(q_fb) E,   q_fb = B e with fixed random B, or q.
// Drops the path through W.
#ifndef MILLRACE_ENGINE_RULES_RFLO_H_
#define MILLRACE_ENGINE_RULES_RFLO_H_

#include <vector>

#include "engine/rules/rule.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeRflo();

template <typename T>
class RfloRule final : public Rule<T> {
 public:
  explicit RfloRule(const PartSpec& part);

  RuleTrait trait() const override { return RuleTrait::kBiased; }
  std::int64_t StateSize(std::int64_t n, std::int64_t k) const override { return n * k; }
  // B [n, m]: normal with standard deviation 1 / sqrt(m).
  std::int64_t ConstantsSize(std::int64_t n, std::int64_t m) const override {
    return random_feedback_ ? n * m : 0;
  }
  void InitializeConstants(std::uint64_t seed, std::int64_t n, std::int64_t m,
                           T* constants) const override;
  void Advance(const Cell<T>& cell, const T* theta, const CellStep<T>& step, T* state) override;
  void Gradient(const Feedback<T>& feedback, const CellStep<T>& step, const T* constants,
                const T* state, bool sparse, T* g) override;

 private:
  bool random_feedback_;
  std::vector<T> q_;  // scratch [n]
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_RFLO_H_
