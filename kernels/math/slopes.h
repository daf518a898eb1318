// tanh and the logistic function together with their slopes, for local derivatives.
//
// The slopes come from the same exponential and not from 1 - tanh(x)^2 or s (1 - s), which lose all
// digits where the function saturates. Values have the bits of Tanh and Sigmoid. Branch-free.
#ifndef MILLRACE_KERNELS_MATH_SLOPES_H_
#define MILLRACE_KERNELS_MATH_SLOPES_H_

#include "kernels/math/exp.h"
#include "kernels/math/platform.h"
#include "kernels/math/real.h"

namespace millrace::kernels {

// tanh(x) and 1 - tanh(x)^2.
template <typename T>
struct TanhSlope {
  T value;
  T slope;
};

// Where |x| > 40 the slope stays at its value at 40, 7e-35.
template <typename T>
MILLRACE_HD TanhSlope<T> TanhAndSlope(T x) {
  const T u = Expm1OfNonNegative(T(2) * Min(T(40), Abs(x)));
  const T magnitude = u / (u + T(2));
  return {WithSignOf(magnitude, x), (T(2) / (u + T(2))) * (T(1) + magnitude)};
}

// open = 1 / (1 + e^-x), closed = 1 - open, slope = open closed.
template <typename T>
struct Gate {
  T open;
  T closed;
  T slope;
};

template <typename T>
MILLRACE_HD Gate<T> GateAt(T x) {
  const T decay = Exp(-Abs(x));
  const T more = T(1) / (T(1) + decay);
  const T less = decay / (T(1) + decay);
  return {x < T(0) ? less : more, x < T(0) ? more : less, more * less};
}

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_MATH_SLOPES_H_
