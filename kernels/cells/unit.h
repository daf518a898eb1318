// What a unit map is: the step of one unit of a cell, its local derivatives with it.
//
// A cell's pre-activations are weighted sums over units and inputs; everything after them touches
// one unit alone, and is written once, here, for every learning rule and for host and device. A map
// is a struct template over the type of its numbers whose members, if any, are hyper-parameters:
//
//   template <typename T> struct LstmUnit {
//     static constexpr int kGates = 4;          // values a[] of one unit, in the cell's order
//     static constexpr int kComponents = 2;     // state with sensitivities, outputs included
//     static constexpr int kAuxiliary = 0;      // state held constant in every derivative
//     static constexpr Pair kCarry[2] = {...};  // {to, from}: d next[to] / d prev[from]
//     static constexpr Pair kSlope[7] = {...};  // {to, gate}: d next[to] / d a[gate]
//     MILLRACE_HD void operator()(const T* a, const T* prev, T* next, T* carry, T* slope) const;
//   };
//
// a        [kGates]                    pre-activations; a per-unit parameter is a gate whose value
//                                      is the parameter itself
// prev     [kComponents + kAuxiliary]  state before the step, all zero before the first one
// next     [kComponents + kAuxiliary]  state after it; does not overlap prev
// carry    [kCarries<Unit>]            at fixed a: what runs through recurrent weights is a slope
//                                      times a weight, and is the caller's
// slope    [kSlopes<Unit>]
//
// Arrays of pairs state their size: nvcc deduces none from an initialiser in a template. Pairs that
// are not listed are zero everywhere. Auxiliary state (the exponent by which a state is scaled) is
// a constant everywhere, within the step too: sensitivities of scaled components are in the same
// scale as these, and carry rescales them. Results are finite for finite arguments that leave the
// state itself finite, however saturated the gates.
//
// Pure functions, safe from any thread; no allocation, no libm; a few exponentials each. The order
// of operations written is the definition of the bits.
#ifndef MILLRACE_KERNELS_CELLS_UNIT_H_
#define MILLRACE_KERNELS_CELLS_UNIT_H_

namespace millrace::kernels {

// An entry of a Jacobian: row, column.
struct Pair {
  int to;
  int from;
};

// How many pairs a map lists; std::size is not for device code.
template <typename Unit>
inline constexpr int kCarries = sizeof(Unit::kCarry) / sizeof(Pair);
template <typename Unit>
inline constexpr int kSlopes = sizeof(Unit::kSlope) / sizeof(Pair);

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_CELLS_UNIT_H_
