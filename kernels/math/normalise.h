// The running normaliser of one input channel: what a value is by the mean and the variance before
// it, and what it makes of them (the exponential mean and variance of West 1979). Products and sums
// are rounded apart on every target.
#ifndef MILLRACE_KERNELS_MATH_NORMALISE_H_
#define MILLRACE_KERNELS_MATH_NORMALISE_H_

#include "kernels/math/platform.h"
#include "kernels/math/real.h"
#include "kernels/math/sqrt.h"

namespace millrace::kernels {

// (x - mean) / sqrt(variance + floor) within +-clip.
template <typename T>
MILLRACE_HD T Normalised(T x, T mean, T variance, T floor, T clip) {
  return Clamp((x - mean) / Sqrt(variance + floor), -clip, clip);
}

// mean += rate dev, variance = (1 - rate) (variance + rate dev^2), dev = x - mean within +-clip
// sqrt(variance + floor); clip may be infinite.
template <typename T>
MILLRACE_HD void TakeIntoRunning(T x, T rate, T floor, T clip, T* mean, T* variance) {
  const T bound = clip * Sqrt(*variance + floor);
  const T change = Clamp(x - *mean, -bound, bound);
  *mean += rate * change;
  *variance = (T(1) - rate) * (*variance + rate * change * change);
}

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_MATH_NORMALISE_H_
