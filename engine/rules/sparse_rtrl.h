// Sparse real-time recurrent learning: the sensitivities go on through some entries of the
// recurrent weights' part of J only,
//   S = (carry + M o R) S + P,   G = q S.
// The carry is never masked: without the leak of a leaky cell little is left of the gradient. A
// mask saves arithmetic, k of n, and no memory; mask "block" saves both, S being [C, k, K k] for
// each block of k units: O(C k n K) numbers, K being the rows of all gates.
#ifndef MILLRACE_ENGINE_RULES_SPARSE_RTRL_H_
#define MILLRACE_ENGINE_RULES_SPARSE_RTRL_H_

#include "absl/status/status.h"
#include "engine/rules/block_sensitivities.h"
#include "engine/rules/mask.h"
#include "engine/rules/rule.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeSparseRtrl();
absl::Status CheckSparseRtrl(const PartSpec& cell, const Structure* structure,
                             const PartSpec& rule);

template <typename T>
class SparseRtrlRule final : public Rule<T> {
 public:
  SparseRtrlRule(const PartSpec& part, const Cell<T>& cell, std::uint64_t seed);

  RuleTrait trait() const override { return RuleTrait::kBiased; }
  // S, then the mask's own.
  std::int64_t StateSize() const override { return sensitivities_.size() + mask_.StateSize(); }
  std::int64_t SensitivitySize() const override { return sensitivities_.size(); }
  std::int64_t Reach() const override { return sensitivities_.block_units(); }
  std::int64_t ConstantsSize(std::int64_t) const override { return mask_.ConstantsSize(); }
  // The mask is the same function of the seed; these tell which.
  void InitializeConstants(std::uint64_t, std::int64_t, T* constants) const override {
    mask_.FillConstants(constants);
  }
  void Advance(const T* theta, const CellStep<T>& step, std::uint64_t number, T* state) override;
  void StoreSensitivities(T* state) const override { sensitivities_.Store(state); }
  void Gradient(const Feedback<T>& feedback, const RuleView<T>& view, bool sparse, T* g) override;
  void AdvanceAndGradient(const LearningStep<T>& step, T* state, T* g) override;

 private:
  // The step's derivatives, and what the mask keeps of them.
  const KeptEntries* Load(const T* theta, const CellStep<T>& step, T* state);

  Mask<T> mask_;
  BlockSensitivities<T> sensitivities_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_SPARSE_RTRL_H_
