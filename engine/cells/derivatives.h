// Local derivatives of one step of a gate cell, formed from its structure.
//
// Letters: n units, C components, G gates, c units of a block. State-sized vectors are [C, n],
// gate-sized ones [G, n]. Thread-safe: pure functions of their arguments; nothing is allocated.
#ifndef MILLRACE_ENGINE_CELLS_DERIVATIVES_H_
#define MILLRACE_ENGINE_CELLS_DERIVATIVES_H_

#include <cstdint>

#include "engine/cells/cell.h"
#include "engine/cells/structure.h"

namespace millrace::engine {

// out[i] = sum_j weights[j, i] x[j] over the fed-back units j of i's block; weights [c, n], x [n].
template <typename T>
void BlockProduct(const Structure& structure, const T* weights, const T* x, T* out);
// out[j] += sum_i weights[j, i] y[i]: its transpose. scratch [n].
template <typename T>
void AddTransposedBlockProduct(const Structure& structure, const T* weights, const T* y, T* scratch,
                               T* out);

// delta [G, n]: dL/da of every gate from ds [C, n]; a modulator's includes what passes through the
// gates that see it. scratch [2 n].
template <typename T>
void GateDeltas(const Structure& structure, const T* theta, const CellStep<T>& step, const T* ds,
                T* scratch, T* delta);

// g[j, i] = f_g[j] delta_g[i] for every gate.
template <typename T>
void GateGradient(const Structure& structure, const CellStep<T>& step, const T* delta, bool sparse,
                  T* g);

// g[j, i] += f_g[j] delta_g[i] for every gate. With a one-hot input only the rows of the step's
// byte are touched of the input weights.
template <typename T>
void AddGateGradient(const Structure& structure, const CellStep<T>& step, const T* delta, T* g);

// The recurrent-weight part of dstate[component]/dh', row-major [n, c]: row i holds the entries
// of the units of i's own block.
template <typename T>
void RecurrentJacobian(const Structure& structure, const T* theta, const CellStep<T>& step,
                       int component, T* jacobian);

// The fan-in that gate `g` sees, split in its three parts; null where it does not see one.
template <typename T>
struct FanIn {
  const T* fed_back;  // [n]: unit i sees the entries of its block
  const T* input;     // [d]
  const T* one;       // [1]
};
template <typename T>
FanIn<T> FanInOf(const Structure& structure, const CellStep<T>& step, const Gate& gate);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_DERIVATIVES_H_
