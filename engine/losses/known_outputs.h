// Losses that are a mean over the outputs that are known: a target value that is NaN is not.
// Thread-safe: pure functions.
#ifndef MILLRACE_ENGINE_LOSSES_KNOWN_OUTPUTS_H_
#define MILLRACE_ENGINE_LOSSES_KNOWN_OUTPUTS_H_

#include <cstdint>

namespace millrace::engine {

template <typename T>
bool Known(T value) {
  return value == value;
}

// values [m].
template <typename T>
std::int64_t CountKnown(const T* values, std::int64_t m) {
  std::int64_t known = 0;
  for (std::int64_t k = 0; k < m; ++k) known += Known(values[k]) ? 1 : 0;
  return known;
}

// The mean of term(y[k], values[k]) over the outputs k that are known, summed in rising k. y,
// values [m]; at least one is known.
template <typename T, typename Term>
double MeanOverKnown(const T* y, const T* values, std::int64_t m, const Term& term) {
  double sum = 0;
  for (std::int64_t k = 0; k < m; ++k) {
    if (Known(values[k])) sum += term(y[k], values[k]);
  }
  return sum / static_cast<double>(CountKnown(values, m));
}

// dy[k] = weight / |known| slope(y[k], values[k]), 0 where it is not known. dy [m].
template <typename T, typename Slope>
void SlopeOverKnown(const T* y, const T* values, double weight, std::int64_t m, const Slope& slope,
                    T* dy) {
  const T scale = static_cast<T>(weight / static_cast<double>(CountKnown(values, m)));
  for (std::int64_t k = 0; k < m; ++k) {
    dy[k] = Known(values[k]) ? scale * slope(y[k], values[k]) : T{0};
  }
}

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_LOSSES_KNOWN_OUTPUTS_H_
