// Element maps of the cells: the recurrent non-linearity of one unit and its local slope.
#ifndef MILLRACE_KERNELS_MATH_CELLS_H_
#define MILLRACE_KERNELS_MATH_CELLS_H_

#include "kernels/math/platform.h"
#include "kernels/math/sigmoid.h"

namespace millrace::kernels {

// One unit after a step: its new state and dh/da, a the pre-activation.
template <typename T>
struct UnitStep {
  T h;
  T slope;
};

// Leaky tanh rate unit: h = (1 - leak) h_prev + leak tanh(a), dh/da = leak (1 - tanh(a)^2).
template <typename T>
MILLRACE_HD UnitStep<T> LeakyTanhUnit(T preactivation, T h_prev, T leak) {
  const T activation = Tanh(preactivation);
  return {(T(1) - leak) * h_prev + leak * activation, leak * (T(1) - activation * activation)};
}

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_MATH_CELLS_H_
