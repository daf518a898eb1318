// sLSTM with exponential input gate (Beck et al. 2024): c = f c' + i tanh(candidate),
// nrm = f nrm' + i, h = sigmoid(output) c / nrm, where i = e^input and f = sigmoid(forget).
// Contract of a unit map: unit.h.
//
// Gates: input, forget, candidate, output. Components: c, nrm, h. Auxiliary: m.
//
// c and nrm are stored divided by e^m, m = max(log f + m', input) (Milakov and Gimelshein 2018), so
// that no gate overflows; h is the same whatever m. After the first step nrm >= 1, so nrm' = 0 is
// the first step, where m = input.
#ifndef MILLRACE_KERNELS_CELLS_SLSTM_H_
#define MILLRACE_KERNELS_CELLS_SLSTM_H_

#include "kernels/cells/unit.h"
#include "kernels/math/exp.h"
#include "kernels/math/expm1.h"
#include "kernels/math/platform.h"
#include "kernels/math/real.h"
#include "kernels/math/slopes.h"

namespace millrace::kernels {

template <typename T>
struct SlstmUnit {
  static constexpr int kGates = 4;
  static constexpr int kComponents = 3;
  static constexpr int kAuxiliary = 1;
  static constexpr Pair kCarry[4] = {{0, 0}, {1, 1}, {2, 0}, {2, 1}};
  static constexpr Pair kSlope[9] = {{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1},
                                     {2, 0}, {2, 1}, {2, 2}, {2, 3}};

  MILLRACE_HD void operator()(const T* a, const T* prev, T* next, T* carry, T* slope) const {
    const T decayed = LogSigmoid(a[1]) + prev[3];
    const T kept_exponent = prev[1] > T(0) ? decayed : -Real<T>::kInfinity;
    const T exponent = Max(kept_exponent, a[0]);
    const T input = Exp(a[0] - exponent);
    const T forget = Exp(kept_exponent - exponent);
    const TanhSlope<T> candidate = TanhAndSlope(a[2]);
    next[0] = forget * prev[0] + input * candidate.value;
    next[1] = forget * prev[1] + input;
    next[3] = exponent;

    const T log_forget_slope = GateAt(a[1]).closed;
    carry[0] = forget;
    carry[1] = forget;
    slope[0] = input * candidate.value;
    slope[1] = forget * prev[0] * log_forget_slope;
    slope[2] = input * candidate.slope;
    slope[3] = input;
    slope[4] = forget * prev[1] * log_forget_slope;
    Read(GateAt(a[3]), next, carry, slope);
  }

 private:
  // h and the derivatives of h, from those of c and nrm by the quotient rule.
  MILLRACE_HD static void Read(const Gate<T>& output, T* next, T* carry, T* slope) {
    const T mean = next[0] / next[1];
    const T in_cell = output.open / next[1];
    const T in_norm = -in_cell * mean;
    next[2] = output.open * mean;
    carry[2] = in_cell * carry[0];
    carry[3] = in_norm * carry[1];
    slope[5] = in_cell * slope[0] + in_norm * slope[3];
    slope[6] = in_cell * slope[1] + in_norm * slope[4];
    slope[7] = in_cell * slope[2];
    slope[8] = mean * output.slope;
  }
};

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_CELLS_SLSTM_H_
