// Real-gated linear recurrent unit (De et al. 2024): r = exp(-8 softplus(radius)
// sigmoid(recurrence)), h = r h' + sqrt(1 - r^2) sigmoid(input_gate) value. Contract of a unit map:
// unit.h.
//
// Gates: value, recurrence, input_gate, radius. Component: h.
#ifndef MILLRACE_KERNELS_CELLS_RG_LRU_H_
#define MILLRACE_KERNELS_CELLS_RG_LRU_H_

#include "kernels/cells/radius.h"
#include "kernels/cells/unit.h"
#include "kernels/math/expm1.h"
#include "kernels/math/platform.h"
#include "kernels/math/slopes.h"

namespace millrace::kernels {

template <typename T>
struct RgLruUnit {
  static constexpr int kGates = 4;
  static constexpr int kComponents = 1;
  static constexpr int kAuxiliary = 0;
  static constexpr Pair kCarry[1] = {{0, 0}};
  static constexpr Pair kSlope[4] = {{0, 0}, {0, 1}, {0, 2}, {0, 3}};

  MILLRACE_HD void operator()(const T* a, const T* prev, T* next, T* carry, T* slope) const {
    const Gate<T> open = GateAt(a[1]);
    const Gate<T> input = GateAt(a[2]);
    const T rate = T(8) * Softplus(a[3]);
    const T rate_slope = T(8) * GateAt(a[3]).open;
    const Radius<T> modulus = RadiusAt(rate * open.open);
    const T u = input.open * a[0];
    next[0] = modulus.r * prev[0] + modulus.gamma * u;

    const T in_exponent = -modulus.r * (prev[0] - modulus.ratio * u);  // dh / d(-log r)
    carry[0] = modulus.r;
    slope[0] = modulus.gamma * input.open;
    slope[1] = rate * open.slope * in_exponent;
    slope[2] = modulus.gamma * a[0] * input.slope;
    slope[3] = rate_slope * open.open * in_exponent;
  }
};

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_CELLS_RG_LRU_H_
