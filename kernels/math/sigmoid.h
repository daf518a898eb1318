// tanh and the logistic function, from exp. Branch-free. Measured bounds: kernels/README.md.
#ifndef MILLRACE_KERNELS_MATH_SIGMOID_H_
#define MILLRACE_KERNELS_MATH_SIGMOID_H_

#include "kernels/math/exp.h"
#include "kernels/math/platform.h"
#include "kernels/math/real.h"

namespace millrace::kernels {

// tanh x = sign(x) u / (u + 2), u = expm1(2 |x|). Odd bit for bit; tanh(-0) = -0.
template <typename T>
MILLRACE_HD T Tanh(T x) {
  // From here on tanh rounds to 1.
  constexpr T kSaturation = sizeof(T) == sizeof(float) ? T(10) : T(20);
  const T u = Expm1OfNonNegative(T(2) * Min(kSaturation, Abs(x)));
  return WithSignOf(u / (u + T(2)), x);
}

// 1 / (1 + e^-x), relatively accurate on both sides.
template <typename T>
MILLRACE_HD T Sigmoid(T x) {
  const T decay = Exp(-Abs(x));
  return (x < T(0) ? decay : T(1)) / (T(1) + decay);
}

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_MATH_SIGMOID_H_
