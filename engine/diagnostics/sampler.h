// The diagnostics of one stream: at every so many-th update it looks at the gradient, and it keeps
// what an exact rule beside the stream's own needs.
//
// It reads the learner's numbers and writes only its own: no bit of what is learned depends on it.
// Averages are exponential with a half-life of kHalfLife samples. Its state is in snapshots and in
// no digest: singular values are LibTorch's, and differ in their last bits from machine to machine.
// Off (diagnostics_every 0) it holds nothing. A sample reads the sensitivities once
// (sensitivities.h); between samples only the exact rule costs, and nothing is allocated.
// Thread-compatible.
#ifndef MILLRACE_ENGINE_DIAGNOSTICS_SAMPLER_H_
#define MILLRACE_ENGINE_DIAGNOSTICS_SAMPLER_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/diagnostics/self_propagation.h"
#include "engine/diagnostics/sensitivities.h"
#include "engine/monitor/averages.h"
#include "engine/optimizers/optimizer.h"
#include "engine/parameters.h"
#include "engine/rules/rule.h"
#include "engine/spec.h"
#include "engine/state.h"
#include "engine/stats.h"

namespace millrace::engine {

template <typename T>
class DiagnosticSampler {
 public:
  static constexpr double kHalfLife = 16;

  // `rule` is the stream's own, m the head's outputs. The cell must outlive it.
  DiagnosticSampler(const ModelSpec& spec, const Cell<T>& cell, const Rule<T>& rule,
                    std::int64_t m);
  // New settings or another rule object. Turned on, it starts at zero; turned off, it forgets.
  void Change(const ModelSpec& spec, const Rule<T>& rule);

  // The hidden state and the rule's went to zero.
  void Reset();
  // Every step, after the rule took it in.
  void Advance(const T* theta, const CellStep<T>& step, std::uint64_t number);
  // Whether the next update is sampled, `updates` being done.
  bool Due(std::uint64_t updates) const {
    return every_ > 0 && (updates + 1) % static_cast<std::uint64_t>(every_) == 0;
  }
  // Before the update of step `seq`.
  void Sample(const Feedback<T>& feedback, const RuleView<T>& view, Rule<T>& rule,
              std::uint64_t seq);
  // After it, with its norms by group.
  void TakeNorms(const std::array<double, kGroups>& norms);

  void Fill(const Optimizer<T>& optimizer, StreamStats* stats) const;
  void Visit(StateVisitor& visitor);

 private:
  // State: averages over samples, then the last sample's, NaN where absent.
  struct State {
    std::uint64_t samples = 0, seq = 0;
    std::array<Average, kGroups> norms = {};
    Average ratio = {}, self = {}, absolute_self = {}, cosine = {}, norm_ratio = {};
    Average log_sensitivity = {};
    std::array<double, 3> last = {};  // sensitivity norm, its growth, condition number
    std::uint64_t rank = 0;           // of the last sample, 0: absent
  };

  void Configure(const ModelSpec& spec, const Rule<T>& rule);
  void Compare(const Feedback<T>& feedback, const RuleView<T>& view, Rule<T>& rule);
  void Look(const RuleView<T>& view, Rule<T>& rule);
  Diagnostics Figures() const;

  const Cell<T>& cell_;
  std::int64_t m_;
  PartSpec cell_part_, rule_part_, optimizer_part_;
  double decay_;
  std::int64_t every_ = 0;
  bool exact_ = false;  // compare with the exact rule
  State state_;
  std::vector<T> exact_state_;
  std::unique_ptr<Rule<T>> exact_rule_;  // null where the stream's own is exact
  std::optional<Sensitivities<T>> sensitivities_;
  std::optional<SelfPropagation<T>> self_propagation_;
  std::vector<T> g_, exact_g_;  // scratch [p of the cell]
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_DIAGNOSTICS_SAMPLER_H_
