// The entry points for the units of a cell: everything of a step that follows its weighted sums,
// and its local derivatives, for all n units at once. As those of ops.h: the widest vectors that
// this processor has, no allocation, no libm, pure functions of their arguments; float and double.
//
//   UnitArrays<float> arrays = {n, preactivation, previous, state, carry, slope};
//   AdvanceUnits(LstmUnit<float>(), arrays);
//
// A few exponentials a unit: 1.5 to 7 nanoseconds in float with AVX-512.
#ifndef MILLRACE_KERNELS_UNITS_H_
#define MILLRACE_KERNELS_UNITS_H_

#include <cstdint>

namespace millrace::kernels {

// Of a map with G gates, C components and A auxiliary numbers. No array overlaps another.
template <typename T>
struct UnitArrays {
  std::int64_t n;
  const T* preactivation;  // [G, n]
  const T* previous;       // [C + A, n]
  T* state;                // [C + A, n]
  T* carry;                // [pairs of the map, n]
  T* slope;                // [pairs of the map, n]
};

// Runs the map of kernels/cells/list.h on every unit.
template <typename T, typename Unit>
void AdvanceUnits(const Unit& unit, const UnitArrays<T>& arrays);

// Runs channels of so many complex states each (kernels/cells/s4d.h): G = 3 + 4 states,
// C = 1 + 2 states, 6 states carries, 12 states + 3 slopes.
template <typename T>
void AdvanceS4dUnits(int states, const UnitArrays<T>& arrays);

// What a gate makes of the numbers x that it multiplies, r = 1 / (1 + e^-a):
// view[i] = r x[i], gain[i] = r, slope[i] = d(r x[i])/da[i]. All [n].
template <typename T>
void Modulate(const T* a, const T* x, std::int64_t n, T* view, T* gain, T* slope);

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_UNITS_H_
