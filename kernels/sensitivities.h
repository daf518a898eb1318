// The entry points for the sensitivities of units to the weights of other units: real-time
// recurrent learning (Williams and Zipser 1989), whole or through some entries of the Jacobian.
//
// S[c, i, r, l] is how component c of a unit depends on the weight of row r of unit l. The unit is
// number i of l's block of s units: the number u = l - l mod s + i of all. Memory [C, s, K, n]: S
// has its rows (c, i), each in the order of the weights themselves. One step, in place:
//   S[c, i, r, l] <- sum_j M[c, u, j] S[h, j, r, l] + sum_c' carry[c, c', u] S[c', i, r, l]
//                    + [u = l] slope[c, gate(r), l] f[r] + reach[c, u, l] f[r],
//   g[r, l] = sum_ci q[c, u] S[c, i, r, l],
// with h the component that is fed back and f the fan-in. Order of every sum: j rising, or as kept,
// then the carry terms as listed, by MulAdd from zero on; then the product of slope and fan-in,
// rounded; then reach by MulAdd. Where f[r] is zero nothing of it is added. g: c, then i rising, by
// MulAdd from zero on. So no bit depends on tiles, vectors or what else is computed beside.
//
// Letters: n units, C components, s units of a block of S, c units of a block of the cell (s
// divides c, c divides n), K rows of weights of all gates. As in ops.h: no allocation, no libm,
// pure functions of their arguments, float and double. 2 C s K n (s + 1) operations where all
// components are recurrent; S is read and written once, whether g is asked for or not.
#ifndef MILLRACE_KERNELS_SENSITIVITIES_H_
#define MILLRACE_KERNELS_SENSITIVITIES_H_

#include <cstdint>

#include "kernels/math/platform.h"

namespace millrace::kernels {

// Component `to` of a unit depends on component `from` of the same unit. gain [n].
template <typename T>
struct CarryTerm {
  int to;
  int from;
  const T* gain;
};

// Component `to` of a unit depends on the unit's pre-activation of a gate. slope [n]. At most one
// for a component and a gate.
template <typename T>
struct SlopeTerm {
  int to;
  int gate;
  const T* slope;
};

// One gate's rows of weights. reach [C, n, c] or null: how unit u depends on the pre-activation of
// the unit in place l of its cell's block; needs s = c.
template <typename T>
struct GateRows {
  std::int64_t count;
  const T* reach;
};

// C at most.
inline constexpr int kMostComponents = 8;

struct SensitivityShape {
  std::int64_t units;      // n
  std::int64_t block;      // s
  std::int64_t connected;  // c
  std::int64_t rows;       // K
  int components;          // C
  int fed_back;            // h
  int first_output;        // components from here on have a q
  unsigned recurrent;      // bit c: M of component c may be other than zero

  MILLRACE_HD std::int64_t row() const { return rows * units; }
  MILLRACE_HD bool is_recurrent(int component) const { return (recurrent >> component & 1u) != 0; }
};

// M. Either all entries, dense [C, s, n] with M[c, u, j] at (c s + j) n + u; or, dense null and
// s = c, `count` of them for each unit: their j, units [n, count], and M, entries [C, n, count].
// band > 0 says that they are those of the units i - band, ... i + band around the block, in this
// order.
template <typename T>
struct Through {
  const T* dense;
  std::int64_t count;
  const std::int32_t* units;
  const T* entries;
  std::int64_t band;
};

template <typename T>
struct SensitivitySweep {
  SensitivityShape shape;
  Through<T> through;
  const CarryTerm<T>* carries;
  int carry_count;
  const SlopeTerm<T>* slopes;
  int slope_count;
  const GateRows<T>* gates;
  int gate_count;
  const T* fan_in;  // f [n / c, K]
  const T* q;       // [C - first_output, n]; null where g is
  T* values;        // S
  T* g;             // [K, n], or null: none is asked for
  T* scratch;       // [SensitivityScratch]
};

// Numbers of scratch memory.
std::int64_t SensitivityScratch(const SensitivityShape& shape);

template <typename T>
void AdvanceSensitivities(const SensitivitySweep<T>& sweep);
// g alone, from S as it stands, with the bits of the sweep that made it. q [C - first_output, n],
// values S, g [K, n].
template <typename T>
void ContractSensitivities(const SensitivityShape& shape, const T* q, const T* values, T* g);

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_SENSITIVITIES_H_
