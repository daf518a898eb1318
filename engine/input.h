// The input stage: transform, missing and silent channels, running normalisation.
//
// z = clip((x - mu) / sqrt(v + floor), +-5) with mu, v from before x; then with
// a = max(1/(t+2), 1/window): dev = x - mu, clipped to +-5 sqrt(v + floor) once t > 100;
// mu += a dev; v = (1-a)(v + a dev^2). v starts at 1. t counts the values a channel has had.
// Without the clip on dev one glitch blinds a channel for a window.
// A missing value (NaN where allowed) enters as the running mean, z = 0, and leaves that channel's
// statistics alone. A channel without change for `silent_after` steps counts as missing.
// Statistics are float64. Freezing a stream does not stop them.
// Thread-compatible; nothing is allocated after construction. O(d) a step.
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

  // Takes one step in: x [d], or null for a step without input (hold, decay or zero by the model).
  // z [d]; present [d] is 0 where the channel is missing, silent, or the step had no input.
  // Returns novelty: mean z^2 over channels present (0 where none is).
  double Step(const float* x, double* z, std::uint8_t* present);

  // The same z and present without taking the step in.
  double View(const float* x, double* z, std::uint8_t* present) const;
  // z under a frozen copy of mu and v ([d] each, as of CopyStatistics).
  void ViewFrozen(const float* x, const std::vector<double>& mean,
                  const std::vector<double>& variance, double* z) const;
  void CopyStatistics(std::vector<double>* mean, std::vector<double>* variance) const;

  // silent_channels and missing_values.
  void Fill(StreamStats* stats) const;
  void Visit(StateVisitor& visitor);  // role kLearner for statistics, kStream for counters

 private:
  bool bytes_ = false;
  std::int64_t width_ = 0;
  PartSpec part_;
  std::vector<double> mean_, variance_;          // [d]
  std::vector<std::int64_t> count_;              // [d] values taken in
  std::vector<double> last_z_;                   // [d], for hold and decay
  std::vector<double> last_x_;                   // [d], to see silence
  std::vector<std::int64_t> unchanged_;          // [d] steps without change
  std::vector<std::int64_t> missing_;            // [d] missing values so far
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_INPUT_H_
