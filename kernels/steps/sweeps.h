// The traces of kernels/traces.h, as steps. Orders of sums: there.
#ifndef MILLRACE_KERNELS_STEPS_SWEEPS_H_
#define MILLRACE_KERNELS_STEPS_SWEEPS_H_

#include <cstdint>

#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"
#include "kernels/traces.h"

namespace millrace::kernels::steps {

// The number of row r that unit i meets.
template <typename T>
MILLRACE_HD T InputOf(const TraceRows<T>& of, std::int64_t r, std::int64_t i) {
  return of.x[of.block == of.n ? r : i / of.block * of.block + r];
}

template <typename T>
MILLRACE_HD int OutputsOf(const TraceRows<T>& of) {
  int outputs = 0;
  for (int c = 0; c < of.count; ++c) outputs += of.traces[c].q == nullptr ? 0 : 1;
  return outputs;
}

// g[r, i] from the traces as they stand; at = r n + i.
template <typename T>
MILLRACE_HD T ContractedAt(const TraceRows<T>& of, std::int64_t at, std::int64_t i) {
  T g = T(0);
  bool first = true;
  for (int c = 0; c < of.count; ++c) {
    const Trace<T>& trace = of.traces[c];
    if (trace.q == nullptr) continue;
    const T e = trace.values[at];
    g = first ? trace.q[i] * e : MulAdd(trace.q[i], e, g);
    first = false;
  }
  return g;
}

// The step, and what a sum of squares needs if there are sums.
template <typename T>
struct SweepTraces {
  TraceRows<T> of;
  const std::uint8_t* takes;  // [rows], or null: all
  T* sums;                    // [n], or null
  T* total;                   // [1], or null with sums

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    if (sums == nullptr) {
      exec.ForPairs(of.rows, of.n, [&](std::int64_t r, std::int64_t i) { Advance(r, i); });
      return;
    }
    const bool one = OutputsOf(of) == 1;
    exec.SumRising(
        of.rows, of.n, [](std::int64_t) { return T(0); },
        [&](std::int64_t r, std::int64_t i, T sum) {
          Advance(r, i);
          if (takes != nullptr && takes[r] == 0) return sum;
          const T squared = one ? OutputAt(r * of.n + i) : ContractedAt(of, r * of.n + i, i);
          return MulAdd(squared, squared, sum);
        },
        sums);
    AddUnits(exec);
  }

  // The total from the sums of the units.
  template <typename Exec>
  MILLRACE_HD void AddUnits(Exec& exec) const {
    const T* const q = OutputsOf(of) == 1 ? Output().q : nullptr;
    const T sum = exec.template Sum<T>(
        of.n, [&](std::int64_t i) { return q == nullptr ? sums[i] : q[i] * sums[i] * q[i]; });
    exec.For(1, [&](std::int64_t) { *total = sum; });
  }

  // The last trace that has a q.
  MILLRACE_HD const Trace<T>& Output() const {
    int output = of.count - 1;
    while (output > 0 && of.traces[output].q == nullptr) --output;
    return of.traces[output];
  }

 private:
  MILLRACE_HD T OutputAt(std::int64_t at) const { return Output().values[at]; }

  MILLRACE_HD void Advance(std::int64_t r, std::int64_t i) const {
    const std::int64_t at = r * of.n + i;
    const T x = InputOf(of, r, i);
    T next[kMostTraces];
    for (int c = 0; c < of.count; ++c) {
      const Trace<T>& trace = of.traces[c];
      T sum = trace.slope[i] * x;
      for (int k = 0; k < trace.source_count; ++k) {
        const TraceSource<T>& source = trace.sources[k];
        sum = MulAdd(source.coupling[i], of.traces[source.from].values[at], sum);
      }
      next[c] = sum;
    }
    for (int c = 0; c < of.count; ++c) of.traces[c].values[at] = next[c];
  }
};

// The same from a list of the outputs alone.
template <typename T>
MILLRACE_HD T OutputsAt(const TraceOutput<T>* outputs, int count, std::int64_t at, std::int64_t i) {
  T g = count == 0 ? T(0) : outputs[0].q[i] * outputs[0].values[at];
  for (int c = 1; c < count; ++c) g = MulAdd(outputs[c].q[i], outputs[c].values[at], g);
  return g;
}

template <typename T>
struct ContractTraces {
  const TraceOutput<T>* outputs;  // [count]
  int count;
  std::int64_t rows, n;
  T* g;  // [rows, n]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    exec.ForPairs(rows, n, [&](std::int64_t r, std::int64_t i) {
      const std::int64_t at = r * n + i;
      g[at] = count == 0 ? T(0) : outputs[0].q[i] * outputs[0].values[at];
    });
    for (int c = 1; c < count; ++c) {
      const TraceOutput<T> output = outputs[c];
      exec.ForPairs(rows, n, [&](std::int64_t r, std::int64_t i) {
        const std::int64_t at = r * n + i;
        g[at] = MulAdd(output.q[i], output.values[at], g[at]);
      });
    }
  }
};

}  // namespace millrace::kernels::steps

#endif  // MILLRACE_KERNELS_STEPS_SWEEPS_H_
