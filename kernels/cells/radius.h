// The modulus of a diagonal recurrence, r = e^-x, and the input scale that keeps the state's
// variance at that of the input: gamma = sqrt(1 - r^2) (Orvieto et al. 2023).
#ifndef MILLRACE_KERNELS_CELLS_RADIUS_H_
#define MILLRACE_KERNELS_CELLS_RADIUS_H_

#include "kernels/math/exp.h"
#include "kernels/math/expm1.h"
#include "kernels/math/platform.h"
#include "kernels/math/real.h"
#include "kernels/math/sqrt.h"

namespace millrace::kernels {

template <typename T>
struct Radius {
  T r;
  T gamma;
  T ratio;  // r / gamma = -d gamma / dr, at most 1000
};

// x >= 0. gamma^2 is -expm1(-2x): 1 - r^2 has no correct digit where r is near 1, which is where
// long memories are. There the ratio has no bound, and is held at 1000 as RecurrentGemma does
// (Botev et al. 2024).
template <typename T>
MILLRACE_HD Radius<T> RadiusAt(T x) {
  const T r = Exp(-x);
  // 0 - y and not -y: at x = 0 this must be +0, whose reciprocal is positive.
  const T gamma = Sqrt(T(0) - Expm1(T(-2) * x));
  return {r, gamma, Min(r / gamma, T(1000))};
}

// e^x for rates, finite for every finite x: a product with a vanished radius must be 0, not NaN.
template <typename T>
MILLRACE_HD T BoundedExp(T x) {
  return Exp(Min(x, T(80)));
}

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_CELLS_RADIUS_H_
