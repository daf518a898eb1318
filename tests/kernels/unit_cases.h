// Every unit map of kernels/cells/ for tests that run over them all: its naive step, in long double
// and straight from the published formula, and the range that its arguments are drawn from.
//
// A case is a type with
//   Unit<T>         the map; Make<T>() one with its hyper-parameters set
//   kScaled         that many first components are stored divided by e^(auxiliary state)
//   Naive(a, prev, next)   components after the step, by libm, from and to undivided ones
//   Draw(gate, x)   a value for that gate from x in (-1, 1)
#ifndef MILLRACE_TESTS_KERNELS_UNIT_CASES_H_
#define MILLRACE_TESTS_KERNELS_UNIT_CASES_H_

#include <cmath>
#include <complex>

#include "kernels/cells/block_gru.h"
#include "kernels/cells/ctrnn.h"
#include "kernels/cells/elstm.h"
#include "kernels/cells/glru.h"
#include "kernels/cells/gru.h"
#include "kernels/cells/lru.h"
#include "kernels/cells/lstm.h"
#include "kernels/cells/min_gru.h"
#include "kernels/cells/rg_lru.h"
#include "kernels/cells/rwkv.h"
#include "kernels/cells/s4d.h"
#include "kernels/cells/slstm.h"

namespace millrace::kernels {

using Wide = long double;
using WideComplex = std::complex<Wide>;

inline Wide NaiveSigmoid(Wide x) { return 1 / (1 + std::exp(-x)); }
inline WideComplex NaiveUnit(Wide angle) { return {std::cos(angle), std::sin(angle)}; }
inline void Store(WideComplex z, Wide* parts) {
  parts[0] = z.real();
  parts[1] = z.imag();
}

// What most maps share: pre-activations that reach well into saturation, nothing scaled.
template <template <typename> class Map>
struct PlainCase {
  template <typename T>
  using Unit = Map<T>;
  template <typename T>
  static Unit<T> Make() {
    return {};
  }
  static constexpr int kScaled = 0;
  static double Draw(int, double x) { return 12 * x * std::fabs(x); }
};

struct Ctrnn : PlainCase<CtrnnUnit> {
  static void Naive(const Wide* a, const Wide* prev, Wide* next) {
    const Wide leak = NaiveSigmoid(a[1]);
    next[0] = (1 - leak) * prev[0] + leak * std::tanh(a[0]);
  }
};

struct Lstm : PlainCase<LstmUnit> {
  static void Naive(const Wide* a, const Wide* prev, Wide* next) {
    next[0] = NaiveSigmoid(a[1]) * prev[0] + NaiveSigmoid(a[0]) * std::tanh(a[2]);
    next[1] = NaiveSigmoid(a[3]) * std::tanh(next[0]);
  }
};

struct GruAfter : PlainCase<GruAfterUnit> {
  static void Naive(const Wide* a, const Wide* prev, Wide* next) {
    const Wide z = NaiveSigmoid(a[1]);
    next[0] = (1 - z) * std::tanh(a[2] + NaiveSigmoid(a[0]) * a[3]) + z * prev[0];
  }
};

struct GruBefore : PlainCase<GruBeforeUnit> {
  static void Naive(const Wide* a, const Wide* prev, Wide* next) {
    const Wide z = NaiveSigmoid(a[1]);
    next[0] = (1 - z) * std::tanh(a[2]) + z * prev[0];
  }
};

struct BlockGru : PlainCase<BlockGruUnit> {
  static void Naive(const Wide* a, const Wide* prev, Wide* next) {
    const Wide u = NaiveSigmoid(a[2] - 1);
    next[0] = u * std::tanh(NaiveSigmoid(a[0]) * a[1]) + (1 - u) * prev[0];
  }
};

struct Elstm : PlainCase<ElstmUnit> {
  static double Draw(int gate, double x) { return gate < 2 ? 12 * x * std::fabs(x) : 3 * x; }
  static void Naive(const Wide* a, const Wide* prev, Wide* next) {
    const Wide z = std::tanh(a[0] + a[2] * prev[0]);
    const Wide f = NaiveSigmoid(a[1] + a[3] * prev[0]);
    next[0] = f * prev[0] + (1 - f) * z;
  }
};

struct MinGru : PlainCase<MinGruUnit> {
  static void Naive(const Wide* a, const Wide* prev, Wide* next) {
    const Wide z = NaiveSigmoid(a[0]);
    next[0] = (1 - z) * prev[0] + z * a[1];
  }
};

struct PositiveMinGru : PlainCase<MinGruUnit> {
  template <typename T>
  static MinGruUnit<T> Make() {
    return {.positive = true};
  }
  // Not across the kink at zero.
  static double Draw(int gate, double x) {
    return PlainCase::Draw(gate, x) + (gate == 1 ? std::copysign(0.01, x) : 0);
  }
  static void Naive(const Wide* a, const Wide* prev, Wide* next) {
    const Wide z = NaiveSigmoid(a[0]);
    next[0] = (1 - z) * prev[0] + z * (a[1] >= 0 ? a[1] + 0.5L : NaiveSigmoid(a[1]));
  }
};

// Radii from e^-20, all forgotten, to 1 - 1e-5, near where r / gamma is held.
inline double DrawLogRate(double x) { return -4.25 + 7.25 * x; }

struct Lru : PlainCase<LruUnit> {
  static double Draw(int gate, double x) {
    return gate == 2 ? DrawLogRate(x) : (gate == 3 ? -1 + 3 * x : 3 * x);
  }
  static void Naive(const Wide* a, const Wide* prev, Wide* next) {
    const Wide r = std::exp(-std::exp(a[2]));
    const Wide gamma = std::sqrt(-std::expm1(-2 * std::exp(a[2])));
    const WideComplex lambda = r * NaiveUnit(std::exp(a[3]));
    Store(lambda * WideComplex(prev[0], prev[1]) + gamma * WideComplex(a[0], a[1]), next);
  }
};

struct LruLearnedGamma : PlainCase<LruLearnedGammaUnit> {
  static double Draw(int gate, double x) { return Lru::Draw(gate, x); }
  static void Naive(const Wide* a, const Wide* prev, Wide* next) {
    const WideComplex lambda = std::exp(-std::exp(a[2])) * NaiveUnit(std::exp(a[3]));
    Store(lambda * WideComplex(prev[0], prev[1]) + std::exp(a[4]) * WideComplex(a[0], a[1]), next);
  }
};

struct Glru : PlainCase<GlruUnit> {
  static double Draw(int, double x) { return 3 * x; }
  static void Naive(const Wide* a, const Wide* prev, Wide* next) {
    const Wide rate = 3 * std::exp(a[3]) * NaiveSigmoid(a[2]);
    next[0] = std::exp(-rate) * prev[0] + std::sqrt(-std::expm1(-2 * rate)) * (a[0] * a[1]);
  }
};

struct ComplexGlru : PlainCase<ComplexGlruUnit> {
  static double Draw(int gate, double x) { return (gate == 5 ? 7 : 3) * x; }
  static void Naive(const Wide* a, const Wide* prev, Wide* next) {
    const Wide rate = 3 * std::exp(a[4]) * NaiveSigmoid(a[3]);
    const WideComplex u = a[2] * WideComplex(a[0], a[1]);
    const WideComplex lambda = std::exp(-rate) * NaiveUnit(a[5]);
    Store(lambda * WideComplex(prev[0], prev[1]) + std::sqrt(-std::expm1(-2 * rate)) * u, next);
  }
};

struct RgLru : PlainCase<RgLruUnit> {
  static double Draw(int, double x) { return 4 * x; }
  static void Naive(const Wide* a, const Wide* prev, Wide* next) {
    const Wide rate = 8 * std::log1p(std::exp(a[3])) * NaiveSigmoid(a[1]);
    next[0] =
        std::exp(-rate) * prev[0] + std::sqrt(-std::expm1(-2 * rate)) * (NaiveSigmoid(a[2]) * a[0]);
  }
};

// On the state as it is, undivided: c e^m and nrm e^m.
struct Slstm : PlainCase<SlstmUnit> {
  static constexpr int kScaled = 2;
  static void Naive(const Wide* a, const Wide* prev, Wide* next) {
    const Wide i = std::exp(a[0]);
    const Wide f = NaiveSigmoid(a[1]);
    next[0] = f * prev[0] + i * std::tanh(a[2]);
    next[1] = f * prev[1] + i;
    next[2] = NaiveSigmoid(a[3]) * next[0] / next[1];
  }
};

struct Rwkv : PlainCase<RwkvUnit> {
  static constexpr int kScaled = 2;
  static double Draw(int gate, double x) { return gate == 3 ? 3 * x : PlainCase::Draw(gate, x); }
  static void Naive(const Wide* a, const Wide* prev, Wide* next) {
    const Wide boosted = std::exp(a[4] + a[0]);
    const Wide mean = (prev[0] + boosted * a[1]) / (prev[1] + boosted);
    const Wide decay = std::exp(-std::exp(a[3]));
    next[0] = decay * prev[0] + std::exp(a[0]) * a[1];
    next[1] = decay * prev[1] + std::exp(a[0]);
    next[2] = NaiveSigmoid(a[2]) * mean;
  }
};

struct S4d {
  static constexpr int kStates = 3;
  template <typename T>
  using Unit = S4dUnit<T, kStates>;
  template <typename T>
  static Unit<T> Make() {
    return {};
  }
  static constexpr int kScaled = 0;
  // dt in e^(-7 .. -1), -Re A in e^(-3 .. 1), Im A in -20 .. 20: both sides of |A dt| = 1/2.
  static double Draw(int gate, double x) {
    if (gate == 1) return -4 + 3 * x;
    if (gate < 2 || gate == 2 + 4 * kStates) return 3 * x;
    const int own = (gate - 2) % 4;
    return own == 0 ? -1 + 2 * x : (own == 1 ? 20 * x : 2 * x);
  }
  static void Naive(const Wide* a, const Wide* prev, Wide* next) {
    const Wide dt = std::exp(a[1]);
    next[2 * kStates] = a[2 + 4 * kStates] * a[0];
    for (int s = 0; s < kStates; ++s) {
      const Wide* own = a + 2 + 4 * s;
      const WideComplex exponent = dt * WideComplex(-std::exp(own[0]), own[1]);
      const WideComplex kept = std::exp(exponent);
      const WideComplex state =
          kept * WideComplex(prev[2 * s], prev[2 * s + 1]) + dt * ((kept - 1.0L) / exponent) * a[0];
      Store(state, next + 2 * s);
      next[2 * kStates] += 2 * (WideComplex(own[2], own[3]) * state).real();
    }
  }
};

}  // namespace millrace::kernels

#endif  // MILLRACE_TESTS_KERNELS_UNIT_CASES_H_
