#include "engine/diagnostics/advice.h"

#include "absl/strings/str_format.h"

namespace millrace::engine {
namespace {

void AdviseOnRatio(const AdviceCase& of, std::vector<Advice>* advice) {
  const std::optional<double>& ratio = of.figures.gradient_ratio;
  if (of.second_moment || of.figures.samples < kFewestSamples || !ratio.has_value()) return;
  // A rate of its own is the client's answer to it.
  if (*ratio >= kSmallRatio || of.optimizer.Number("rate_recurrent") >= 0) return;
  advice->push_back(
      {kSmallRecurrentGradient,
       absl::StrFormat(
           "the recurrent gradient is %.2g of the readout's (mean of samples) and optimizer '%s' "
           "has one rate for both, so cell '%s' may not adapt with it; try optimizer 'rmsprop', or "
           "a larger rate_recurrent. A hypothesis: a published rule says that such a ratio needs a "
           "second moment; replication did not confirm it in general (ratios of 0.5 to 1, and SGD "
           "adapted at a larger rate)",
           *ratio, of.optimizer.name, of.cell.name)});
}

void AdviseOnTrace(const AdviceCase& of, std::vector<Advice>* advice) {
  if (of.rule.name != "immediate" || of.rule.Number("decay") < kLongDecay) return;
  if (of.optimizer.name != "adam" && of.optimizer.name != "adamw") return;
  advice->push_back(
      {kTraceUnderAdam,
       absl::StrFormat(
           "rule 'immediate' has a decay of %.4g under optimizer '%s'; in replication a "
           "decay of 0.95 under Adam collapsed, with some hundred times the error of "
           "decay 0; set rule.decay to 0.5 or less",
           of.rule.Number("decay"), of.optimizer.name)});
}

void AdviseOnCosine(const AdviceCase& of, std::vector<Advice>* advice) {
  const std::optional<double>& cosine = of.figures.exact_cosine;
  if (of.figures.samples < kFewestSamples || !cosine.has_value() || *cosine >= kSmallCosine) return;
  advice->push_back(
      {kLowCosine,
       absl::StrFormat("the gradient of rule '%s' has a mean cosine of %.2g to the exact one: it "
                       "says little of what reaches further back than the rule looks; where the "
                       "task needs memory try rule 'rtrl' or 'sparse_rtrl'. Where the loss falls "
                       "anyway, nothing is wrong",
                       of.rule.name, *cosine)});
}

void AdviseOnGrowth(const AdviceCase& of, std::vector<Advice>* advice) {
  if (!of.growth.has_value() || *of.growth < kLargeGrowth) return;
  advice->push_back({kGrowingSensitivities,
                     absl::StrFormat("the sensitivities' norm is %.3g times its average: they "
                                     "explode where the recurrence is not stable; set "
                                     "guard.max_sensitivity_norm, reset at boundaries, or lower "
                                     "the recurrent rate",
                                     *of.growth)});
}

}  // namespace

std::vector<Advice> AdviceOn(const AdviceCase& of) {
  std::vector<Advice> advice;
  AdviseOnRatio(of, &advice);
  AdviseOnTrace(of, &advice);
  AdviseOnCosine(of, &advice);
  AdviseOnGrowth(of, &advice);
  return advice;
}

}  // namespace millrace::engine
