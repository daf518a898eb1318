// The input stage: transform, missing and silent channels, running normalisation.
//
// x is the transformed value. With mu and v from before x:
//   z = clip((x - mu) / sqrt(v + floor), +-5)
//   a = max(1 / (t + 2), 1 / window), t the values this channel has had before
//   dev = x - mu, clipped to +-5 sqrt(v + floor) once t > 100
//   mu += a dev;  v = (1 - a)(v + a dev^2);  at the start mu = 0, v = 1
// (the exponential mean and variance of West 1979 with a growing window at the start). Without the
// clip on dev one glitch blinds a channel for a window.
// A missing value (NaN where allowed) enters as the running mean (z = 0) and leaves that channel's
// statistics alone. A channel that has kept its value for `silent_after` steps counts as missing,
// its values included in missing_values, until it changes; steps without input do not count.
// Without `normalise` z is x itself and a missing value enters as mu; the statistics run all the
// same, since novelty is always of the normalised value.
// Statistics are float64. Freezing a stream does not stop them.
// Thread-compatible; nothing is allocated after construction. O(d) a step, 24 to 48 bytes a
// channel; bytes have neither statistics nor state.
#ifndef MILLRACE_ENGINE_INPUT_H_
#define MILLRACE_ENGINE_INPUT_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "engine/spec.h"
#include "engine/state.h"
#include "engine/stats.h"

namespace millrace::engine {

// The list of inputs: "vector" {size, transform: none|square_root|log1p, normalise: flag,
// window: steps, floor, missing: refused|allowed, silent_after: steps (0: never),
// skip: zero|hold|decay, skip_decay} and "bytes" {} (256 one-hot inputs, skip: zero).
std::vector<PartDescription> DescribeInputs();

class InputStage {
 public:
  explicit InputStage(const PartSpec& resolved_input);

  bool bytes() const { return bytes_; }
  std::int64_t width() const { return width_; }  // d

  // floats [T, d]: BAD_SHAPE where the count is no multiple of d, NOT_FINITE for infinite values
  // (also those a transform makes: a negative count under the square root) and NaN where missing
  // is refused; names step offset and channel. `owner` is put in the sentence ("stream 'a'").
  absl::Status CheckFloats(absl::Span<const float> floats, absl::string_view owner) const;

  // Takes one step in: x [d], or null for a step without input: z is 0, the z of the step before
  // (hold), or skip_decay times that (decay).
  // z [d]; present [d] is 0 where the channel is missing, silent, or the step had no input.
  // Returns novelty: mean squared normalised value of the channels present (0 where none is; for
  // bytes always 0, since a one-hot input is never more or less expected).
  double Step(const float* x, double* z, std::uint8_t* present);

  // What Step would give, without taking the step in.
  double View(const float* x, double* z, std::uint8_t* present) const;
  // Of the step that Step took in last (the same x): its z under a frozen copy of mu and v, [d]
  // each, as of CopyStatistics. A step without input has Step's z.
  void ViewFrozen(const float* x, const std::vector<double>& mean,
                  const std::vector<double>& variance, double* z) const;
  void CopyStatistics(std::vector<double>* mean, std::vector<double>* variance) const;

  // silent_channels and missing_values.
  void Fill(StreamStats* stats) const;
  void Visit(StateVisitor& visitor);  // role kLearner for statistics, kStream for counters

 private:
  enum class Transform { kNone, kSquareRoot, kLog1p };
  enum class Skip { kZero, kHold, kDecay };

  // Finite, and the transform of it too.
  bool Transformable(float value) const;
  double Transformed(float value) const;
  // (x - mean) / sqrt(variance + floor) within +-5.
  double Normalised(double x, double mean, double variance) const;
  // NaN, or the channel is silent if it has this value now.
  bool Missing(float value, std::size_t channel) const;
  // z of a step without input.
  double SkippedZ(std::size_t channel) const;
  void Update(double x, std::size_t channel);
  // Step where every channel is present, has as many values behind it as the others, and silence is
  // not looked for: the same bits, side by side.
  bool Even(const float* x) const;
  double EvenStep(const float* x, double* z, std::uint8_t* present);
  double RateAfter(std::int64_t count) const;
  void UpdateSilence(float value, std::size_t channel);

  bool bytes_ = false;
  std::int64_t width_ = 0;
  Transform transform_ = Transform::kNone;
  bool normalise_ = false;
  bool missing_allowed_ = false;
  Skip skip_ = Skip::kZero;
  double skip_decay_ = 0;
  double least_rate_ = 0;  // 1 / window
  double floor_ = 0;
  std::int64_t silent_after_ = 0;

  std::vector<double> mean_, variance_;      // [d]
  std::vector<std::int64_t> count_;          // [d] values taken in
  std::vector<double> last_z_;               // [d] for hold and decay, else empty
  std::vector<double> last_x_;               // [d] to see silence, else empty; NaN before the first
  std::vector<std::int64_t> unchanged_;      // [d] values in a row like the one before, or empty
  std::vector<std::int64_t> missing_;        // [d] missing values so far
  std::vector<double> values_, normalised_;  // scratch [d]
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_INPUT_H_
