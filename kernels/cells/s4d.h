// Diagonal state space unit (Gu et al. 2022): states s' = exp(dt A) s + dt phi(dt A) u with
// phi(z) = (e^z - 1) / z (zero-order hold), read as y = 2 Re(sum C s) + D u.
// Contract of a unit map: unit.h.
#ifndef MILLRACE_KERNELS_CELLS_S4D_H_
#define MILLRACE_KERNELS_CELLS_S4D_H_

#include <array>

#include "kernels/cells/radius.h"
#include "kernels/cells/unit.h"
#include "kernels/math/complex.h"
#include "kernels/math/exp.h"
#include "kernels/math/expm1.h"
#include "kernels/math/platform.h"
#include "kernels/math/real.h"

namespace millrace::kernels {

namespace internal {

// e^z, phi(z) = (e^z - 1) / z and its slope phi'(z) = (e^z - phi(z)) / z.
template <typename T>
struct ExpQuotients {
  Complex<T> exp;
  Complex<T> phi;
  Complex<T> slope;
};

// By the series phi = sum z^k / (k+1)!, phi' = sum (k+1) z^k / (k+2)!, |z| <= 1/2. Left out: 2e-10
// (float, after 9 terms) and 3e-19 (double, after 16).
template <typename T>
MILLRACE_HD ExpQuotients<T> SmallExpQuotients(Complex<T> z) {
  constexpr int kTerms = sizeof(T) == sizeof(float) ? 9 : 16;
  T factorial = T(1);
  for (int k = 2; k <= kTerms + 1; ++k) factorial *= T(k);
  Complex<T> phi = {T(0), T(0)};
  Complex<T> slope = {T(0), T(0)};
  for (int k = kTerms - 1; k >= 0; --k) {  // factorial = (k + 2)!
    const T reciprocal = T(1) / factorial;
    slope = slope * z + Complex<T>{T(k + 1) * reciprocal, T(0)};
    phi = phi * z + Complex<T>{T(k + 2) * reciprocal, T(0)};
    factorial /= T(k + 2);
  }
  return {Complex<T>{T(1), T(0)} + z * phi, phi, slope};
}

template <typename T>
MILLRACE_HD ExpQuotients<T> ExpQuotientsAt(Complex<T> z) {
  const T square = z.re * z.re + z.im * z.im;
  if (square <= T(0.25)) return SmallExpQuotients(z);
  const Complex<T> exp = Exp(z.re) * UnitAt(z.im);
  const Complex<T> inverse = {z.re / square, -z.im / square};
  const Complex<T> phi = (exp - Complex<T>{T(1), T(0)}) * inverse;
  return {exp, phi, (exp - phi) * inverse};
}

// The step dt and A dt from their parameters. Held where e^(A dt) vanishes or every turn is lost
// anyway, so that no product of theirs overflows.
template <typename T>
struct S4dStep {
  T dt;
  Complex<T> exponent;
};

template <typename T>
MILLRACE_HD S4dStep<T> S4dStepAt(T step, T real, T imaginary) {
  const T dt = Exp(Clamp(step, T(-40), T(10)));
  const T turn = Clamp(dt * imaginary, -kLargestAngle<T>, kLargestAngle<T>);
  return {dt, {-dt * Exp(Min(real, T(10))), turn}};
}

}  // namespace internal

// One complex state. Gates: u, step (log dt), real (log of -Re A), imaginary (Im A). Components:
// real and imaginary part.
template <typename T>
struct S4dState {
  static constexpr int kGates = 4;
  static constexpr int kComponents = 2;
  static constexpr int kAuxiliary = 0;
  static constexpr Pair kCarry[4] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
  static constexpr Pair kSlope[8] = {{0, 0}, {0, 1}, {0, 2}, {0, 3},
                                     {1, 0}, {1, 1}, {1, 2}, {1, 3}};

  MILLRACE_HD void operator()(const T* a, const T* prev, T* next, T* carry, T* slope) const {
    const internal::S4dStep<T> at = internal::S4dStepAt(a[1], a[2], a[3]);
    const internal::ExpQuotients<T> quotients = internal::ExpQuotientsAt(at.exponent);
    const Complex<T> kept = quotients.exp * Complex<T>{prev[0], prev[1]};
    const T held = at.dt * a[0];
    const Complex<T> state = kept + held * quotients.phi;
    next[0] = state.re;
    next[1] = state.im;

    const Complex<T> in_exponent = kept + held * quotients.slope;
    const Complex<T> in_input = at.dt * quotients.phi;
    const Complex<T> in_step = at.exponent * kept + held * quotients.exp;
    const Complex<T> in_imaginary = at.dt * TimesI(in_exponent);
    carry[0] = quotients.exp.re;
    carry[1] = -quotients.exp.im;
    carry[2] = quotients.exp.im;
    carry[3] = quotients.exp.re;
    slope[0] = in_input.re;
    slope[1] = in_step.re;
    slope[2] = at.exponent.re * in_exponent.re;
    slope[3] = in_imaginary.re;
    slope[4] = in_input.im;
    slope[5] = in_step.im;
    slope[6] = at.exponent.re * in_exponent.im;
    slope[7] = in_imaginary.im;
  }
};

// Of a channel of `states` complex states, pair number k of its carry: for each state s its
// rotation, then y from re_s and im_s.
constexpr Pair S4dCarryPair(int states, int k) {
  const int re = 2 * (k / 6);
  const int output = 2 * states;
  const Pair block[] = {{re, re},         {re, re + 1}, {re + 1, re},
                        {re + 1, re + 1}, {output, re}, {output, re + 1}};
  return block[k % 6];
}

// Pair number k of its slope: for each state s re_s and im_s from input, step, real_s, imaginary_s,
// then y from real_s, imaginary_s and the readout of s; at the end y from input, step and skip.
constexpr Pair S4dSlopePair(int states, int k) {
  const int output = 2 * states;
  if (k >= 12 * states) {
    const Pair channel[] = {{output, 0}, {output, 1}, {output, 2 + 4 * states}};
    return channel[k - 12 * states];
  }
  const int re = 2 * (k / 12);
  const int g = 2 + 4 * (k / 12);
  const Pair block[] = {{re, 0},     {re, 1},         {re, g},         {re, g + 1},
                        {re + 1, 0}, {re + 1, 1},     {re + 1, g},     {re + 1, g + 1},
                        {output, g}, {output, g + 1}, {output, g + 2}, {output, g + 3}};
  return block[k % 12];
}

// A channel and its output, for a number of states that is known when it runs; the pairs are those
// of the functions above, 6 and 12 a state, and 3.
template <typename T>
struct S4dChannel {
  int states;

  MILLRACE_HD void operator()(const T* a, const T* prev, T* next, T* carry, T* slope) const {
    T* const from_channel = slope + 12 * states;
    const T skip = a[2 + 4 * states];
    T* const output = next + 2 * states;
    *output = skip * a[0];
    from_channel[0] = skip;
    from_channel[1] = T(0);
    from_channel[2] = a[0];
    for (int s = 0; s < states; ++s) {
      const T* const own = a + 2 + 4 * s;
      const T gates[4] = {a[0], a[1], own[0], own[1]};
      T* const rows = slope + 12 * s;
      S4dState<T>()(gates, prev + 2 * s, next + 2 * s, carry + 6 * s, rows);

      const Complex<T> readout = {T(2) * own[2], T(2) * own[3]};
      *output += Read(readout, next[2 * s], next[2 * s + 1]);
      carry[6 * s + 4] = Read(readout, carry[6 * s], carry[6 * s + 2]);
      carry[6 * s + 5] = Read(readout, carry[6 * s + 1], carry[6 * s + 3]);
      from_channel[0] += Read(readout, rows[0], rows[4]);
      from_channel[1] += Read(readout, rows[1], rows[5]);
      rows[8] = Read(readout, rows[2], rows[6]);
      rows[9] = Read(readout, rows[3], rows[7]);
      rows[10] = T(2) * next[2 * s];
      rows[11] = T(-2) * next[2 * s + 1];
    }
  }

 private:
  // Re(readout (re + i im)).
  MILLRACE_HD static T Read(Complex<T> readout, T re, T im) {
    return readout.re * re - readout.im * im;
  }
};

// The same as a unit map.
//
// Gates: input u, step, then for each state real, imaginary, readout_real, readout_imaginary (C),
// then skip (D). Components: for each state real and imaginary part, then y.
template <typename T, int kStates>
struct S4dUnit {
  static constexpr int kGates = 3 + 4 * kStates;
  static constexpr int kComponents = 2 * kStates + 1;
  static constexpr int kAuxiliary = 0;
  static constexpr std::array<Pair, 6 * kStates> kCarry = [] {
    std::array<Pair, 6 * kStates> pairs{};
    for (int k = 0; k < 6 * kStates; ++k) {
      pairs[static_cast<unsigned>(k)] = S4dCarryPair(kStates, k);
    }
    return pairs;
  }();
  static constexpr std::array<Pair, 12 * kStates + 3> kSlope = [] {
    std::array<Pair, 12 * kStates + 3> pairs{};
    for (int k = 0; k < 12 * kStates + 3; ++k) {
      pairs[static_cast<unsigned>(k)] = S4dSlopePair(kStates, k);
    }
    return pairs;
  }();

  MILLRACE_HD void operator()(const T* a, const T* prev, T* next, T* carry, T* slope) const {
    S4dChannel<T>{kStates}(a, prev, next, carry, slope);
  }
};

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_CELLS_S4D_H_
