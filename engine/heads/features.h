// Direct features: what of the input reaches the head past the cell.
//
//   x itself, if `direct` is set; then for every time constant tau the exponential filter
//   e_t = e_{t-1} + (x_t - e_{t-1}) / tau        (tau in steps)
// of each channel. A missing channel enters as 0, its normalised mean. Filters are state of the
// stream, zeroed by a reset. Vector inputs only: bytes have contexts (contexts.h).
// Thread-safe after construction. O(d) a step for each filter.
#ifndef MILLRACE_ENGINE_HEADS_FEATURES_H_
#define MILLRACE_ENGINE_HEADS_FEATURES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "engine/spec.h"

namespace millrace::engine {

// direct, filter_1 .. filter_4: settings of every head.
std::vector<SettingDescription> FeatureSettings();
// Name of the first of these settings that makes a feature; empty where none does.
std::string FirstDirectFeature(const PartSpec& head);

template <typename T>
class Features {
 public:
  // d input channels.
  Features(const PartSpec& head, std::int64_t inputs);

  std::int64_t size() const {  // numbers of direct features
    return inputs_ * (static_cast<std::int64_t>(rates_.size()) + (direct_ ? 1 : 0));
  }
  std::int64_t state_size() const { return inputs_ * static_cast<std::int64_t>(rates_.size()); }
  // x [d], null for a step without input, which counts as zeros; state before and after
  // [state_size] (may be the same memory); f [size].
  void Step(const T* x, const T* before, T* after, T* f) const;

 private:
  std::int64_t inputs_;
  bool direct_;
  std::vector<T> rates_;  // 1 / tau
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_HEADS_FEATURES_H_
