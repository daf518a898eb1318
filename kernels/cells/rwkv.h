// RWKV-4 time mixing (Peng et al. 2023): a mean of values weighted by e^key, older ones decayed by
// e^-w a step with w = e^decay, the newest by e^bonus, seen through a gate. Contract of a unit map:
// unit.h.
//
// Gates: key, value, receptance, decay, bonus. Components: a (weighted sum), b (sum of weights), y.
// Auxiliary: p. The token shift is the caller's: it changes what a key is a sum of.
//
// a and b are stored divided by e^p. After the first step b >= 1, so b' = 0 is the first step,
// where nothing is kept.
#ifndef MILLRACE_KERNELS_CELLS_RWKV_H_
#define MILLRACE_KERNELS_CELLS_RWKV_H_

#include "kernels/cells/radius.h"
#include "kernels/cells/unit.h"
#include "kernels/math/exp.h"
#include "kernels/math/platform.h"
#include "kernels/math/real.h"
#include "kernels/math/slopes.h"

namespace millrace::kernels {

template <typename T>
struct RwkvUnit {
  static constexpr int kGates = 5;
  static constexpr int kComponents = 3;
  static constexpr int kAuxiliary = 1;
  static constexpr Pair kCarry[4] = {{0, 0}, {1, 1}, {2, 0}, {2, 1}};
  static constexpr Pair kSlope[9] = {{0, 0}, {0, 1}, {0, 3}, {1, 0}, {1, 3},
                                     {2, 0}, {2, 1}, {2, 2}, {2, 4}};

  MILLRACE_HD void operator()(const T* a, const T* prev, T* next, T* carry, T* slope) const {
    const T kept_exponent = prev[1] > T(0) ? prev[3] : -Real<T>::kInfinity;
    Read(a, prev, kept_exponent, {next, carry, slope});
    Keep(a, prev, kept_exponent, {next, carry, slope});
  }

 private:
  struct Results {
    T* next;
    T* carry;
    T* slope;
  };

  // y, from the state before the step and the newest value with its bonus.
  MILLRACE_HD static void Read(const T* a, const T* prev, T kept_exponent, Results out) {
    const T boosted = a[4] + a[0];
    const T exponent = Max(kept_exponent, boosted);
    const T old = Exp(kept_exponent - exponent);
    const T fresh = Exp(boosted - exponent);
    const T norm = old * prev[1] + fresh;
    const T mean = (old * prev[0] + fresh * a[1]) / norm;
    const Gate<T> receptance = GateAt(a[2]);
    const T in_sum = receptance.open / norm;
    out.next[2] = receptance.open * mean;
    out.carry[2] = in_sum * old;
    out.carry[3] = -in_sum * mean * old;
    out.slope[5] = in_sum * fresh * (a[1] - mean);
    out.slope[6] = in_sum * fresh;
    out.slope[7] = mean * receptance.slope;
    out.slope[8] = out.slope[5];
  }

  // a, b and p after the step.
  MILLRACE_HD static void Keep(const T* a, const T* prev, T kept_exponent, Results out) {
    const T rate = BoundedExp(a[3]);
    const T decayed = kept_exponent - rate;
    const T exponent = Max(decayed, a[0]);
    const T old = Exp(decayed - exponent);
    const T fresh = Exp(a[0] - exponent);
    out.next[0] = old * prev[0] + fresh * a[1];
    out.next[1] = old * prev[1] + fresh;
    out.next[3] = exponent;
    out.carry[0] = old;
    out.carry[1] = old;
    out.slope[0] = fresh * a[1];
    out.slope[1] = fresh;
    out.slope[2] = -rate * (old * prev[0]);
    out.slope[3] = fresh;
    out.slope[4] = -rate * (old * prev[1]);
  }
};

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_CELLS_RWKV_H_
