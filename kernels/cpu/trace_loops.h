// The steps of kernels/steps/sweeps.h in vectors, some rows of weights at once: what belongs to a
// unit is loaded once for them, and traces go by once. The bits are those of the steps.
#ifndef MILLRACE_KERNELS_CPU_TRACE_LOOPS_H_
#define MILLRACE_KERNELS_CPU_TRACE_LOOPS_H_

#include <cstdint>

#include "kernels/cpu/serial.h"
#include "kernels/cpu/vectors.h"
#include "kernels/math/platform.h"
#include "kernels/steps/sweeps.h"

namespace millrace::kernels::cpu {

template <typename Target, typename T>
class TraceLoops {
 public:
  explicit TraceLoops(const steps::SweepTraces<T>& step)
      : step_(step), of_(step.of), outputs_(step.sums == nullptr ? 0 : steps::OutputsOf(of_)) {}

  void Run() const {
    for (std::int64_t i = 0; step_.sums != nullptr && i < of_.n; ++i) step_.sums[i] = T(0);
    if (!RunAlone() && !RunPair()) RunAny();
    if (step_.sums == nullptr) return;
    Serial<Target> serial;
    step_.AddUnits(serial);
  }

 private:
  static constexpr int kRowsAtOnce = 4;
  static constexpr int kFewRows = 2;
  static constexpr std::int64_t kUnitsAtOnce = 256;
  // Rows this far apart share their places in the first cache.
  static constexpr std::int64_t kCacheWay = 4096;
  static_assert(kCacheWay / sizeof(T) % kUnitsAtOnce == 0);
  // Which traces of a pair each takes from: bit 2 to + from.
  static constexpr unsigned kOwn = 1, kLower = 1 + 4, kLowerAndOwn = 1 + 4 + 8, kAll = 15;

  // Calls body with the first unit of every vector: as wide ones as there are, then narrow ones.
  template <typename Body>
  MILLRACE_HD static void ForUnits(std::int64_t n, const Body& body) {
    std::int64_t first = 0;
    const auto run = [&](auto lanes) __attribute__((always_inline)) {
      for (; first + lanes.kLanes <= n; first += lanes.kLanes) body(lanes, first);
    };
    run(Vectors<Target, T>());
    run(NarrowLanes<T>());
    run(OneLane<T>());
  }

  bool Takes(std::int64_t row) const { return step_.takes == nullptr || step_.takes[row] != 0; }

  // One trace that takes from itself.
  bool RunAlone() const {
    if (of_.count != 1 || of_.block != of_.n || Couplings() != kOwn) return false;
    if (outputs_ == 0) {
      RunRows<1, kOwn, 0>();
    } else {
      RunRows<1, kOwn, 1>();
    }
    return true;
  }

  // Two traces: a cell and its output, or the two parts of a complex number.
  bool RunPair() const {
    if (of_.count != 2 || of_.block != of_.n) return false;
    if (outputs_ == 1 && of_.traces[1].q == nullptr) return false;
    switch (Couplings()) {
      case kLower:
        return RunPairWith<kLower>();
      case kLowerAndOwn:
        return RunPairWith<kLowerAndOwn>();
      case kAll:
        return RunPairWith<kAll>();
      default:
        return false;
    }
  }
  template <unsigned kCouplings>
  bool RunPairWith() const {
    if (outputs_ == 0) RunRows<2, kCouplings, 0>();
    if (outputs_ == 1) RunRows<2, kCouplings, 1>();
    if (outputs_ == 2) RunRows<2, kCouplings, 2>();
    return true;
  }

  unsigned Couplings() const {
    unsigned couplings = 0;
    for (int c = 0; c < of_.count; ++c) {
      for (int k = 0; k < of_.traces[c].source_count; ++k) {
        couplings |= 1u << (2 * c + of_.traces[c].sources[k].from);
      }
    }
    return couplings;
  }
  static constexpr bool Has(unsigned couplings, int to, int from) {
    return (couplings >> (2 * to + from) & 1u) != 0;
  }

  // Where everything is, in a struct that no store can reach: members would be read anew after
  // each.
  template <int kCount>
  struct Places {
    std::int64_t n, units;  // units of them all
    const T* x;
    T* sums;
    T* values[kCount];
    const T* slope[kCount];
    const T* coupling[kCount * kCount];
    const T* q[kCount];
  };
  template <int kCount, unsigned kCouplings>
  Places<kCount> PlacesOf() const {
    Places<kCount> at = {of_.n, of_.n, of_.x, step_.sums, {}, {}, {}, {}};
    for (int to = 0; to < kCount; ++to) {
      const Trace<T>& trace = of_.traces[to];
      at.values[to] = trace.values;
      at.slope[to] = trace.slope;
      at.q[to] = trace.q;
      int source = 0;
      for (int from = 0; from < kCount; ++from) {
        if (!Has(kCouplings, to, from)) continue;
        at.coupling[to * kCount + from] = trace.sources[source++].coupling;
      }
    }
    return at;
  }

  // The last kOutputs of kCount traces have a q. Where rows share their places in the first cache,
  // some units at a time with what belongs to them side by side, which then do not.
  template <int kCount, unsigned kCouplings, int kOutputs>
  void RunRows() const {
    const Places<kCount> at = PlacesOf<kCount, kCouplings>();
    if (of_.n * static_cast<std::int64_t>(sizeof(T)) % kCacheWay != 0) {
      return RunRowsOf<kCount, kCouplings, kOutputs, kRowsAtOnce>(at);
    }
    T copies[(2 * kCount + kCount * kCount) * kUnitsAtOnce];
    for (std::int64_t first = 0; first < at.n; first += kUnitsAtOnce) {
      Places<kCount> part = at;
      part.units = kUnitsAtOnce;
      part.sums += first;
      T* copy = copies;
      const auto take = [&](const T*& from) {
        if (from == nullptr) return;
        for (std::int64_t i = 0; i < kUnitsAtOnce; ++i) copy[i] = from[first + i];
        from = copy;
        copy += kUnitsAtOnce;
      };
      for (T*& values : part.values) values += first;
      for (const T*& slope : part.slope) take(slope);
      for (const T*& coupling : part.coupling) take(coupling);
      for (const T*& q : part.q) take(q);
      RunRowsOf<kCount, kCouplings, kOutputs, kFewRows>(part);
    }
  }
  template <int kCount, unsigned kCouplings, int kOutputs, int kRows>
  void RunRowsOf(const Places<kCount>& at) const {
    std::int64_t row = 0;
    while (row < of_.rows) {
      bool together = row + kRows <= of_.rows;
      for (std::int64_t r = row; together && r < row + kRows; ++r) together = Takes(r);
      if (together) {
        RunUnits<kCount, kCouplings, kOutputs, kRows>(at, row);
        row += kRows;
      } else if (Takes(row)) {
        RunUnits<kCount, kCouplings, kOutputs, 1>(at, row++);
      } else {
        RunUnits<kCount, kCouplings, 0, 1>(at, row++);
      }
    }
  }
  template <int kCount, unsigned kCouplings, int kOutputs, int kRows>
  static void RunUnits(Places<kCount> at, std::int64_t row) {
    for (T*& values : at.values) values += row * at.n;
    at.x += row;
    ForUnits(
        at.units, [&](auto lanes, std::int64_t i) __attribute__((always_inline)) {
          RunVector<decltype(lanes), kCount, kCouplings, kOutputs, kRows>(at, i);
        });
  }

  // Units i, i + 1, ... of a vector. Loops over constants, which the compiler writes out.
  template <typename Lanes, int kCount, unsigned kCouplings, int kOutputs, int kRows>
  MILLRACE_HD static void RunVector(const Places<kCount>& at, std::int64_t i) {
    using Vector = typename Lanes::Vector;
    Vector slope[kCount], coupling[kCount * kCount], q[kCount], sum;
    for (int to = 0; to < kCount; ++to) {
      slope[to] = Lanes::Load(at.slope[to] + i);
      for (int from = 0; from < kCount; ++from) {
        const int pair = to * kCount + from;
        if (Has(kCouplings, to, from)) coupling[pair] = Lanes::Load(at.coupling[pair] + i);
      }
      if (kOutputs > 1) q[to] = Lanes::Load(at.q[to] + i);
    }
    if (kOutputs > 0) sum = Lanes::Load(at.sums + i);
    for (int r = 0; r < kRows; ++r) {
      const Vector x = Lanes::All(at.x[r]);
      Vector old[kCount], next[kCount];
      for (int c = 0; c < kCount; ++c) old[c] = Lanes::Load(at.values[c] + r * at.n + i);
      for (int to = 0; to < kCount; ++to) {
        next[to] = slope[to] * x;
        for (int from = 0; from < kCount; ++from) {
          if (!Has(kCouplings, to, from)) continue;
          next[to] = Lanes::MulAdd(coupling[to * kCount + from], old[from], next[to]);
        }
        Lanes::Store(next[to], at.values[to] + r * at.n + i);
      }
      if (kOutputs == 0) continue;
      Vector g = next[kCount - 1];
      if (kOutputs > 1) {
        g = q[0] * next[0];
        for (int c = 1; c < kCount; ++c) g = Lanes::MulAdd(q[c], next[c], g);
      }
      sum = Lanes::MulAdd(g, g, sum);
    }
    if (kOutputs > 0) Lanes::Store(sum, at.sums + i);
  }

  // Any number of traces, from any others, with or without blocks.
  void RunAny() const {
    for (std::int64_t row = 0; row < of_.rows; ++row) {
      const bool takes = outputs_ > 0 && Takes(row);
      ForUnits(of_.n, [&](auto lanes, std::int64_t i) {
        AdvanceAny<decltype(lanes)>(row, i);
        if (takes) AddSquares<decltype(lanes)>(row, i);
      });
    }
  }
  template <typename Lanes>
  void AdvanceAny(std::int64_t row, std::int64_t i) const {
    using Vector = typename Lanes::Vector;
    const std::int64_t at = row * of_.n + i;
    const Vector x = InputsOf<Lanes>(row, i);
    Vector next[kMostTraces];
    for (int c = 0; c < of_.count; ++c) {
      const Trace<T>& trace = of_.traces[c];
      Vector sum = Lanes::Load(trace.slope + i) * x;
      for (int k = 0; k < trace.source_count; ++k) {
        const TraceSource<T>& source = trace.sources[k];
        sum = Lanes::MulAdd(Lanes::Load(source.coupling + i),
                            Lanes::Load(of_.traces[source.from].values + at), sum);
      }
      next[c] = sum;
    }
    for (int c = 0; c < of_.count; ++c) Lanes::Store(next[c], of_.traces[c].values + at);
  }
  template <typename Lanes>
  void AddSquares(std::int64_t row, std::int64_t i) const {
    using Vector = typename Lanes::Vector;
    const std::int64_t at = row * of_.n + i;
    Vector g = Lanes::Load(step_.Output().values + at);
    bool first = true;
    for (int c = 0; outputs_ > 1 && c < of_.count; ++c) {
      const T* const q = of_.traces[c].q;
      if (q == nullptr) continue;
      const Vector e = Lanes::Load(of_.traces[c].values + at);
      g = first ? Lanes::Load(q + i) * e : Lanes::MulAdd(Lanes::Load(q + i), e, g);
      first = false;
    }
    Lanes::Store(Lanes::MulAdd(g, g, Lanes::Load(step_.sums + i)), step_.sums + i);
  }
  template <typename Lanes>
  MILLRACE_HD typename Lanes::Vector InputsOf(std::int64_t row, std::int64_t i) const {
    if (of_.block == of_.n) return Lanes::All(of_.x[row]);
    T lanes[Lanes::kLanes];
    for (int l = 0; l < Lanes::kLanes; ++l) lanes[l] = steps::InputOf(of_, row, i + l);
    return Lanes::Load(lanes);
  }

  const steps::SweepTraces<T>& step_;
  const TraceRows<T>& of_;
  int outputs_;  // 0: no sums
};

}  // namespace millrace::kernels::cpu

#endif  // MILLRACE_KERNELS_CPU_TRACE_LOOPS_H_
