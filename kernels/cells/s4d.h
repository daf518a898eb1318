// Diagonal state space unit (Gu et al. 2022): states s' = exp(dt A) s + dt phi(dt A) u with
// phi(z) = (e^z - 1) / z (zero-order hold), read as y = 2 Re(sum C s) + D u.
// Contract of a unit map: unit.h.
#ifndef MILLRACE_KERNELS_CELLS_S4D_H_
#define MILLRACE_KERNELS_CELLS_S4D_H_

#include <array>
#include <cstdint>

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

template <typename T>
MILLRACE_HD constexpr T Factorial(int k) {
  T product = T(1);
  for (int factor = 2; factor <= k; ++factor) product *= T(factor);
  return product;
}

// The terms kTerm, kTerm - 1, ... 0 of both series by Horner's rule, written out: a loop within the
// loop over units would stop that one from becoming vectors.
template <int kTerm, typename T>
MILLRACE_HD void AddTerms(Complex<T> z, Complex<T>* phi, Complex<T>* slope) {
  constexpr T kReciprocal = T(1) / Factorial<T>(kTerm + 2);
  *slope = *slope * z + Complex<T>{T(kTerm + 1) * kReciprocal, T(0)};
  *phi = *phi * z + Complex<T>{T(kTerm + 2) * kReciprocal, T(0)};
  if constexpr (kTerm > 0) AddTerms<kTerm - 1>(z, phi, slope);
}

// By the series phi = sum z^k / (k+1)!, phi' = sum (k+1) z^k / (k+2)!, |z| <= 1/2. Left out: 2e-10
// (float, after 9 terms) and 3e-19 (double, after 16).
template <typename T>
MILLRACE_HD ExpQuotients<T> SmallExpQuotients(Complex<T> z) {
  constexpr int kTerms = sizeof(T) == sizeof(float) ? 9 : 16;
  Complex<T> phi = {T(0), T(0)};
  Complex<T> slope = {T(0), T(0)};
  AddTerms<kTerms - 1>(z, &phi, &slope);
  return {Complex<T>{T(1), T(0)} + z * phi, phi, slope};
}

template <typename T>
MILLRACE_HD Complex<T> Select(bool first, Complex<T> a, Complex<T> b) {
  return {first ? a.re : b.re, first ? a.im : b.im};
}

// Both forms are computed, for the sake of vectors; where one is not taken it may be infinite.
template <typename T>
MILLRACE_HD ExpQuotients<T> ExpQuotientsAt(Complex<T> z) {
  const T square = z.re * z.re + z.im * z.im;
  const bool small = square <= T(0.25);
  const ExpQuotients<T> series = SmallExpQuotients(z);
  const Complex<T> exp = Exp(z.re) * UnitAt(z.im);
  const Complex<T> inverse = {z.re / square, -z.im / square};
  const Complex<T> phi = (exp - Complex<T>{T(1), T(0)}) * inverse;
  const Complex<T> slope = (exp - phi) * inverse;
  return {Select(small, series.exp, exp), Select(small, series.phi, phi),
          Select(small, series.slope, slope)};
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
// of the functions above, 6 and 12 a state, and 3. Number k of an array of channel i is at
// [k * stride + i]: channels lie side by side, so that loops over them vectorise.
template <typename T>
struct S4dChannel {
  int states;
  std::int64_t stride;
  const T* a;
  const T* prev;
  T* next;
  T* carry;
  T* slope;

  // The output without any state; then each state, in any order of channels.
  MILLRACE_HD void Start(std::int64_t i) const {
    const T skip = A(2 + 4 * states, i);
    next[2 * states * stride + i] = skip * A(0, i);
    T* const from_channel = slope + 12 * states * stride + i;
    from_channel[0] = skip;
    from_channel[stride] = T(0);
    from_channel[2 * stride] = A(0, i);
  }

  MILLRACE_HD void AddState(int s, std::int64_t i) const {
    const int own = 2 + 4 * s;
    const T gates[4] = {A(0, i), A(1, i), A(own, i), A(own + 1, i)};
    const T before[2] = {prev[2 * s * stride + i], prev[(2 * s + 1) * stride + i]};
    T after[2], rotation[4], rows[8];
    S4dState<T>()(gates, before, after, rotation, rows);
    next[2 * s * stride + i] = after[0];
    next[(2 * s + 1) * stride + i] = after[1];
    for (int k = 0; k < 4; ++k) carry[(6 * s + k) * stride + i] = rotation[k];
    for (int k = 0; k < 8; ++k) slope[(12 * s + k) * stride + i] = rows[k];
    AddToOutput(s, i, {T(2) * A(own + 2, i), T(2) * A(own + 3, i)}, {after, rotation, rows});
  }

 private:
  // What AddState has made of a state.
  struct State {
    const T* after;
    const T* rotation;
    const T* rows;
  };

  MILLRACE_HD T A(int gate, std::int64_t i) const { return a[gate * stride + i]; }
  // Re(readout (re + i im)).
  MILLRACE_HD static T Read(Complex<T> readout, T re, T im) {
    return readout.re * re - readout.im * im;
  }

  MILLRACE_HD void AddToOutput(int s, std::int64_t i, Complex<T> readout, State of) const {
    next[2 * states * stride + i] += Read(readout, of.after[0], of.after[1]);
    T* const from_channel = slope + 12 * states * stride + i;
    from_channel[0] += Read(readout, of.rows[0], of.rows[4]);
    from_channel[stride] += Read(readout, of.rows[1], of.rows[5]);
    T* const carried = carry + (6 * s + 4) * stride + i;
    carried[0] = Read(readout, of.rotation[0], of.rotation[2]);
    carried[stride] = Read(readout, of.rotation[1], of.rotation[3]);
    T* const sloped = slope + (12 * s + 8) * stride + i;
    sloped[0] = Read(readout, of.rows[2], of.rows[6]);
    sloped[stride] = Read(readout, of.rows[3], of.rows[7]);
    sloped[2 * stride] = T(2) * of.after[0];
    sloped[3 * stride] = T(-2) * of.after[1];
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
    const S4dChannel<T> channel = {kStates, 1, a, prev, next, carry, slope};
    channel.Start(0);
    for (int s = 0; s < kStates; ++s) channel.AddState(s, 0);
  }
};

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_CELLS_S4D_H_
