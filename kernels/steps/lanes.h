// Sums over 16 virtual lanes: lane l takes the elements l, l + 16, ... in order, and then the lanes
// fold 8, 4, 2, 1. The order belongs to the operation, not to the width of a machine's vectors.
#ifndef MILLRACE_KERNELS_STEPS_LANES_H_
#define MILLRACE_KERNELS_STEPS_LANES_H_

#include "kernels/math/platform.h"
#include "kernels/math/real.h"

namespace millrace::kernels::steps {

inline constexpr int kLanes = 16;

// How two lanes become one, and what an empty lane holds.
template <typename T>
struct Added {
  static constexpr T kEmpty = T(0);
  MILLRACE_HD T operator()(T a, T b) const { return a + b; }
};
template <typename T>
struct Larger {
  static constexpr T kEmpty = -Real<T>::kInfinity;
  MILLRACE_HD T operator()(T a, T b) const { return Max(a, b); }
};

// Folds lanes [16] in place; the result is in lanes[0].
template <template <typename> class Combine, typename T>
MILLRACE_HD T FoldLanes(T* lanes) {
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int l = 0; l < width; ++l) lanes[l] = Combine<T>()(lanes[l], lanes[l + width]);
  }
  return lanes[0];
}

}  // namespace millrace::kernels::steps

#endif  // MILLRACE_KERNELS_STEPS_LANES_H_
