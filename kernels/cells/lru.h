// Linear recurrent unit (Orvieto et al. 2023): h = lambda h' + gamma u with
// lambda = exp(-e^radius + i e^phase). Contract of a unit map: unit.h.
#ifndef MILLRACE_KERNELS_CELLS_LRU_H_
#define MILLRACE_KERNELS_CELLS_LRU_H_

#include "kernels/cells/radius.h"
#include "kernels/cells/unit.h"
#include "kernels/math/complex.h"
#include "kernels/math/exp.h"
#include "kernels/math/platform.h"
#include "kernels/math/real.h"

namespace millrace::kernels {

namespace internal {

// What both forms share: the rate e^radius, the angle e^phase, and lambda.
template <typename T>
struct LruRotation {
  T rate;
  T angle;
  Radius<T> modulus;
  Complex<T> lambda;
};

template <typename T>
MILLRACE_HD LruRotation<T> RotationAt(T radius, T phase) {
  const T rate = BoundedExp(radius);
  const T angle = Min(BoundedExp(phase), kLargestAngle<T>);
  const Radius<T> modulus = RadiusAt(rate);
  return {rate, angle, modulus, modulus.r * UnitAt(angle)};
}

// carry[4] of a rotation: rows re, im.
template <typename T>
MILLRACE_HD void CarryOf(Complex<T> lambda, T* carry) {
  carry[0] = lambda.re;
  carry[1] = -lambda.im;
  carry[2] = lambda.im;
  carry[3] = lambda.re;
}

}  // namespace internal

// gamma = sqrt(1 - |lambda|^2), as in recurrent trace units (Elelimy et al. 2024).
//
// Gates: input_real, input_imaginary, radius, phase. Components: real and imaginary part of h.
template <typename T>
struct LruUnit {
  static constexpr int kGates = 4;
  static constexpr int kComponents = 2;
  static constexpr int kAuxiliary = 0;
  static constexpr Pair kCarry[4] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
  static constexpr Pair kSlope[6] = {{0, 0}, {0, 2}, {0, 3}, {1, 1}, {1, 2}, {1, 3}};

  MILLRACE_HD void operator()(const T* a, const T* prev, T* next, T* carry, T* slope) const {
    const internal::LruRotation<T> at = internal::RotationAt(a[2], a[3]);
    const Complex<T> kept = at.lambda * Complex<T>{prev[0], prev[1]};
    const T gamma = at.modulus.gamma;
    next[0] = kept.re + gamma * a[0];
    next[1] = kept.im + gamma * a[1];

    const T gamma_slope = at.rate * at.modulus.r * at.modulus.ratio;
    internal::CarryOf(at.lambda, carry);
    slope[0] = gamma;
    slope[1] = gamma_slope * a[0] - at.rate * kept.re;
    slope[2] = -at.angle * kept.im;
    slope[3] = gamma;
    slope[4] = gamma_slope * a[1] - at.rate * kept.im;
    slope[5] = at.angle * kept.re;
  }
};

// gamma = e^log_gamma, learned: the original form.
//
// Gates: input_real, input_imaginary, radius, phase, log_gamma. Components as above.
template <typename T>
struct LruLearnedGammaUnit {
  static constexpr int kGates = 5;
  static constexpr int kComponents = 2;
  static constexpr int kAuxiliary = 0;
  static constexpr Pair kCarry[4] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
  static constexpr Pair kSlope[8] = {{0, 0}, {0, 2}, {0, 3}, {0, 4},
                                     {1, 1}, {1, 2}, {1, 3}, {1, 4}};

  MILLRACE_HD void operator()(const T* a, const T* prev, T* next, T* carry, T* slope) const {
    const internal::LruRotation<T> at = internal::RotationAt(a[2], a[3]);
    const Complex<T> kept = at.lambda * Complex<T>{prev[0], prev[1]};
    const T gamma = BoundedExp(a[4]);
    next[0] = kept.re + gamma * a[0];
    next[1] = kept.im + gamma * a[1];

    internal::CarryOf(at.lambda, carry);
    slope[0] = gamma;
    slope[1] = -at.rate * kept.re;
    slope[2] = -at.angle * kept.im;
    slope[3] = gamma * a[0];
    slope[4] = gamma;
    slope[5] = -at.rate * kept.im;
    slope[6] = at.angle * kept.re;
    slope[7] = gamma * a[1];
  }
};

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_CELLS_LRU_H_
