// Gated linear recurrent unit, real and complex: r = exp(-3 e^radius sigmoid(recurrence)),
// u = gate value, h = lambda h' + sqrt(1 - r^2) u. Contract of a unit map: unit.h.
//
// The gate is not squashed: the input path is bilinear.
#ifndef MILLRACE_KERNELS_CELLS_GLRU_H_
#define MILLRACE_KERNELS_CELLS_GLRU_H_

#include "kernels/cells/radius.h"
#include "kernels/cells/unit.h"
#include "kernels/math/complex.h"
#include "kernels/math/platform.h"
#include "kernels/math/slopes.h"

namespace millrace::kernels {

namespace internal {

// The gated radius and its slopes in the two pre-activations that make it.
template <typename T>
struct GlruRadius {
  Radius<T> modulus;
  T radius_slope;
  T recurrence_slope;
};

template <typename T>
MILLRACE_HD GlruRadius<T> GlruRadiusAt(T recurrence, T radius) {
  const T rate = T(3) * BoundedExp(radius);
  const Gate<T> open = GateAt(recurrence);
  const Radius<T> modulus = RadiusAt(rate * open.open);
  return {modulus, -rate * open.open * modulus.r, -rate * open.slope * modulus.r};
}

}  // namespace internal

// lambda = r. Gates: value, gate, recurrence, radius. Component: h.
template <typename T>
struct GlruUnit {
  static constexpr int kGates = 4;
  static constexpr int kComponents = 1;
  static constexpr int kAuxiliary = 0;
  static constexpr Pair kCarry[1] = {{0, 0}};
  static constexpr Pair kSlope[4] = {{0, 0}, {0, 1}, {0, 2}, {0, 3}};

  MILLRACE_HD void operator()(const T* a, const T* prev, T* next, T* carry, T* slope) const {
    const internal::GlruRadius<T> at = internal::GlruRadiusAt(a[2], a[3]);
    const T gamma = at.modulus.gamma;
    const T u = a[1] * a[0];
    next[0] = at.modulus.r * prev[0] + gamma * u;

    const T in_radius = prev[0] - at.modulus.ratio * u;  // dh/dr
    carry[0] = at.modulus.r;
    slope[0] = gamma * a[1];
    slope[1] = gamma * a[0];
    slope[2] = at.recurrence_slope * in_radius;
    slope[3] = at.radius_slope * in_radius;
  }
};

// lambda = r e^(i phase).
//
// Gates: value_real, value_imaginary, gate, recurrence, radius, phase. Components: real and
// imaginary part of h.
template <typename T>
struct ComplexGlruUnit {
  static constexpr int kGates = 6;
  static constexpr int kComponents = 2;
  static constexpr int kAuxiliary = 0;
  static constexpr Pair kCarry[4] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
  static constexpr Pair kSlope[10] = {{0, 0}, {0, 2}, {0, 3}, {0, 4}, {0, 5},
                                      {1, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 5}};

  MILLRACE_HD void operator()(const T* a, const T* prev, T* next, T* carry, T* slope) const {
    const internal::GlruRadius<T> at = internal::GlruRadiusAt(a[3], a[4]);
    const T gamma = at.modulus.gamma;
    const Complex<T> turn = UnitAt(a[5]);
    const Complex<T> turned = turn * Complex<T>{prev[0], prev[1]};
    const Complex<T> kept = at.modulus.r * turned;
    const Complex<T> value = {a[0], a[1]};
    next[0] = kept.re + gamma * (a[2] * value.re);
    next[1] = kept.im + gamma * (a[2] * value.im);

    const Complex<T> in_radius = turned - (at.modulus.ratio * a[2]) * value;  // dh/dr
    carry[0] = at.modulus.r * turn.re;
    carry[1] = -at.modulus.r * turn.im;
    carry[2] = at.modulus.r * turn.im;
    carry[3] = at.modulus.r * turn.re;
    slope[0] = gamma * a[2];
    slope[1] = gamma * value.re;
    slope[2] = at.recurrence_slope * in_radius.re;
    slope[3] = at.radius_slope * in_radius.re;
    slope[4] = -kept.im;
    slope[5] = gamma * a[2];
    slope[6] = gamma * value.im;
    slope[7] = at.recurrence_slope * in_radius.im;
    slope[8] = at.radius_slope * in_radius.im;
    slope[9] = kept.re;
  }
};

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_CELLS_GLRU_H_
