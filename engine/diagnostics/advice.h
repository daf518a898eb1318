// Advice: what the diagnostics' figures say against a stream's settings, in sentences.
//
// Each rests on what was published or measured on small networks and says so; nothing acts on it.
// Thread-safe: a pure function.
#ifndef MILLRACE_ENGINE_DIAGNOSTICS_ADVICE_H_
#define MILLRACE_ENGINE_DIAGNOSTICS_ADVICE_H_

#include <optional>
#include <vector>

#include "engine/spec.h"
#include "engine/stats.h"

namespace millrace::engine {

// What codes stand for.
inline constexpr char kSmallRecurrentGradient[] = "SMALL_RECURRENT_GRADIENT";
inline constexpr char kTraceUnderAdam[] = "TRACE_UNDER_ADAM";
inline constexpr char kLowCosine[] = "LOW_COSINE";
inline constexpr char kGrowingSensitivities[] = "GROWING_SENSITIVITIES";

// Advice from averages waits for so many samples.
inline constexpr std::uint64_t kFewestSamples = 10;
// Ratio of the recurrent to the readout's gradient below which it is far below 1: the published
// ratio is about .01, the replicated ones are .5 to 1.
inline constexpr double kSmallRatio = 0.02;
// In replication .95 collapsed and .7 did not.
inline constexpr double kLongDecay = 0.9;
// Rules that learn their tasks were measured at .19 and more.
inline constexpr double kSmallCosine = 0.1;
// Of the sensitivities' norm over its average.
inline constexpr double kLargeGrowth = 100;

// What advice is given on.
struct AdviceCase {
  const PartSpec& cell;
  const PartSpec& rule;
  const PartSpec& optimizer;
  bool second_moment;  // the optimizer divides by one
  const Diagnostics& figures;
  std::optional<double> growth;  // of the sensitivities' norm over its average before
};

std::vector<Advice> AdviceOn(const AdviceCase& of);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_DIAGNOSTICS_ADVICE_H_
