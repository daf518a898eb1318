// g[j, i] = s[i] x[j] of few units, a row a vector: a loop over so few does not fill one.
#ifndef MILLRACE_KERNELS_CPU_NARROW_OUTER_H_
#define MILLRACE_KERNELS_CPU_NARROW_OUTER_H_

#include <cstdint>

#include "kernels/cpu/serial.h"
#include "kernels/cpu/vectors.h"
#include "kernels/steps/traces.h"

namespace millrace::kernels::cpu {

// n < Lanes::kLanes. What a row writes past its end the next one writes anew; the last rows write
// theirs alone.
template <typename Lanes, typename T>
void RunNarrowRows(const steps::OuterProduct<T>& s) {
  T units[Lanes::kLanes] = {};
  for (std::int64_t i = 0; i < s.n; ++i) units[i] = s.s[i];
  const auto row = Lanes::Load(units);
  std::int64_t j = 0;
  for (; j * s.n + Lanes::kLanes <= s.k * s.n; ++j) {
    Lanes::Store(row * Lanes::All(s.x[j]), s.g + j * s.n);
  }
  for (; j < s.k; ++j) {
    for (std::int64_t i = 0; i < s.n; ++i) s.g[j * s.n + i] = units[i] * s.x[j];
  }
}

template <typename Target, typename T>
void RunOuterProduct(const steps::OuterProduct<T>& step) {
  // By value: nothing that a loop writes can be one of them.
  const steps::OuterProduct<T> s = step;
  if (s.n <= NarrowLanes<T>::kLanes) return RunNarrowRows<NarrowLanes<T>>(s);
  if (s.n < Vectors<Target, T>::kLanes) return RunNarrowRows<Vectors<Target, T>>(s);
  Serial<Target> serial;
  s.Run(serial);
}

}  // namespace millrace::kernels::cpu

#endif  // MILLRACE_KERNELS_CPU_NARROW_OUTER_H_
