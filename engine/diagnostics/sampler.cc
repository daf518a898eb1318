#include "engine/diagnostics/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "engine/diagnostics/advice.h"
#include "engine/diagnostics/settings.h"
#include "engine/rules/list.h"
#include "kernels/math/exp.h"
#include "kernels/math/log.h"
#include "kernels/math/sqrt.h"

namespace millrace::engine {
namespace {

constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();
constexpr std::array<double, 3> kNothingYet = {kAbsent, kAbsent, kAbsent};
enum Last : std::size_t { kNorm, kGrowth, kCondition };

std::optional<double> Known(double value) {
  if (std::isnan(value)) return std::nullopt;
  return value;
}

template <typename T>
double Norm(const std::vector<T>& x) {
  double sum = 0;
  for (const T value : x) sum += static_cast<double>(value) * static_cast<double>(value);
  return kernels::Sqrt(sum);
}

template <typename T>
double Product(const std::vector<T>& x, const std::vector<T>& y) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum += static_cast<double>(x[i]) * static_cast<double>(y[i]);
  }
  return sum;
}

}  // namespace

template <typename T>
DiagnosticSampler<T>::DiagnosticSampler(const ModelSpec& spec, const Cell<T>& cell,
                                        const Rule<T>& rule, std::int64_t m)
    : cell_(cell), m_(m), cell_part_(spec.cell), decay_(DecayOf(kHalfLife)) {
  state_.last = kNothingYet;
  Configure(spec, rule);
}

template <typename T>
void DiagnosticSampler<T>::Configure(const ModelSpec& spec, const Rule<T>& rule) {
  rule_part_ = spec.rule;
  optimizer_part_ = spec.optimizer;
  every_ = spec.monitor.Integer("diagnostics_every");
  if (every_ == 0) return;
  exact_ = spec.monitor.Flag("exact_cosine");
  g_.resize(static_cast<std::size_t>(cell_.parameters()));
  self_propagation_.emplace(cell_);
  if (exact_ && rule.trait() != RuleTrait::kExact && exact_rule_ == nullptr) {
    exact_rule_ = MakeRule<T>(ExactRule(), cell_, 0);  // an exact rule draws nothing
    exact_state_.assign(static_cast<std::size_t>(exact_rule_->StateSize()), T{0});
    exact_g_.resize(g_.size());
  }
  const Rule<T>& read = exact_rule_ == nullptr ? rule : *exact_rule_;
  sensitivities_.emplace(cell_, read.Reach(), m_);
}

template <typename T>
void DiagnosticSampler<T>::Change(const ModelSpec& spec, const Rule<T>& rule) {
  if (spec.monitor.Integer("diagnostics_every") == 0) {
    state_ = State();
    state_.last = kNothingYet;
    exact_rule_.reset();
    exact_state_.clear();
    sensitivities_.reset();
    self_propagation_.reset();
  }
  Configure(spec, rule);
}

template <typename T>
void DiagnosticSampler<T>::Reset() {
  std::fill(exact_state_.begin(), exact_state_.end(), T{0});
}

template <typename T>
void DiagnosticSampler<T>::Advance(const T* theta, const CellStep<T>& step, std::uint64_t number) {
  if (exact_rule_ != nullptr) exact_rule_->Advance(theta, step, number, exact_state_.data());
}

template <typename T>
void DiagnosticSampler<T>::Compare(const Feedback<T>& feedback, const RuleView<T>& view,
                                   Rule<T>& rule) {
  if (exact_rule_ == nullptr) {
    state_.cosine.Add(1, decay_);
    state_.norm_ratio.Add(1, decay_);
    return;
  }
  // Of all parameters: a sparse gradient of before would leave old numbers in other rows.
  rule.Gradient(feedback, view, false, g_.data());
  const RuleView<T> exact{view.theta, view.step, nullptr, exact_state_.data()};
  exact_rule_->Gradient(feedback, exact, false, exact_g_.data());
  const double own = Norm(g_);
  const double whole = Norm(exact_g_);
  if (!std::isfinite(whole)) return Reset();  // sensitivities that overflowed never come back
  if (!(own > 0 && whole > 0) || !std::isfinite(own)) return;
  state_.cosine.Add(Product(g_, exact_g_) / (own * whole), decay_);
  state_.norm_ratio.Add(own / whole, decay_);
}

template <typename T>
void DiagnosticSampler<T>::Look(const RuleView<T>& view, Rule<T>& rule) {
  Spectrum spectrum;
  if (exact_rule_ == nullptr) {
    spectrum = sensitivities_->Measure(rule, view);
  } else {
    spectrum = sensitivities_->Measure(*exact_rule_,
                                       {view.theta, view.step, nullptr, exact_state_.data()});
  }
  state_.last = {spectrum.norm.value_or(kAbsent), kAbsent,
                 spectrum.condition_number.value_or(kAbsent)};
  state_.rank = spectrum.effective_rank.value_or(0);
  if (!(state_.last[kNorm] > 0)) return;
  const double log_norm = kernels::Log(state_.last[kNorm]);
  const std::optional<double> before = state_.log_sensitivity.Mean();
  if (before.has_value()) state_.last[kGrowth] = kernels::Exp(log_norm - *before);
  state_.log_sensitivity.Add(log_norm, decay_);
}

template <typename T>
void DiagnosticSampler<T>::Sample(const Feedback<T>& feedback, const RuleView<T>& view,
                                  Rule<T>& rule, std::uint64_t seq) {
  ++state_.samples;
  state_.seq = seq;
  const Diagonal diagonal = self_propagation_->Measure(view.theta, view.step);
  if (std::isfinite(diagonal.mean_absolute)) {
    state_.self.Add(diagonal.mean, decay_);
    state_.absolute_self.Add(diagonal.mean_absolute, decay_);
  }
  Look(view, rule);
  if (exact_) Compare(feedback, view, rule);
}

template <typename T>
void DiagnosticSampler<T>::TakeNorms(const std::array<double, kGroups>& norms) {
  for (std::size_t group = 0; group < kGroups; ++group) {
    state_.norms[group].Add(norms[group], decay_);
  }
  const double recurrent = norms[static_cast<std::size_t>(Group::kRecurrent)];
  const double readout = norms[static_cast<std::size_t>(Group::kReadout)];
  if (recurrent > 0 && readout > 0) state_.ratio.Add(recurrent / readout, decay_);
}

template <typename T>
Diagnostics DiagnosticSampler<T>::Figures() const {
  Diagnostics figures;
  figures.samples = state_.samples;
  figures.seq = state_.seq;
  for (const Average& norm : state_.norms) figures.gradient_norm.push_back(norm.mean());
  figures.gradient_ratio = state_.ratio.Mean();
  figures.self_propagation = state_.self.Mean();
  figures.absolute_self_propagation = state_.absolute_self.Mean();
  figures.sensitivity_norm = Known(state_.last[kNorm]);
  figures.condition_number = Known(state_.last[kCondition]);
  if (state_.rank > 0) figures.effective_rank = state_.rank;
  figures.exact_cosine = state_.cosine.Mean();
  figures.exact_norm_ratio = state_.norm_ratio.Mean();
  return figures;
}

template <typename T>
void DiagnosticSampler<T>::Fill(const Optimizer<T>& optimizer, StreamStats* stats) const {
  if (every_ == 0) return;
  Diagnostics figures = Figures();
  const std::optional<double> growth =
      state_.samples < kFewestSamples ? std::nullopt : Known(state_.last[kGrowth]);
  stats->advice =
      AdviceOn({cell_part_, rule_part_, optimizer_part_, optimizer.uses_slot2(), figures, growth});
  if (state_.samples > 0) stats->diagnostics = std::move(figures);
}

template <typename T>
void DiagnosticSampler<T>::Visit(StateVisitor& visitor) {
  if (every_ == 0) return;
  visitor.SetScope("diagnostics.");
  visitor.SetRole(StateRole::kUncounted);
  visitor.Value("samples", state_.samples);
  visitor.Value("seq", state_.seq);
  for (std::size_t group = 0; group < kGroups; ++group) {
    state_.norms[group].Visit(visitor, std::string(kGroupNames[group]) + "_norm");
  }
  state_.ratio.Visit(visitor, "ratio");
  state_.self.Visit(visitor, "self_propagation");
  state_.absolute_self.Visit(visitor, "absolute_self_propagation");
  state_.cosine.Visit(visitor, "exact_cosine");
  state_.norm_ratio.Visit(visitor, "exact_norm_ratio");
  state_.log_sensitivity.Visit(visitor, "log_sensitivity");
  for (std::size_t i = 0; i < state_.last.size(); ++i) {
    visitor.Value("last." + std::to_string(i), state_.last[i]);
  }
  visitor.Value("rank", state_.rank);
  visitor.Fixed("exact_sensitivities", exact_state_);
}

template class DiagnosticSampler<float>;
template class DiagnosticSampler<double>;

}  // namespace millrace::engine
