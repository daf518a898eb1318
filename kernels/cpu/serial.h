// The CPU's executor: plain loops over contiguous memory, which the compiler vectorises.
//
// The innermost loop always runs over units, never over the terms of a sum, so the width of the
// vectors decides nothing. No state; make one where it is needed.
//
// Target names the instruction set that the including source is compiled for. It gives the code of
// each set names of its own: without it the linker would merge them and a plain processor could be
// handed instructions it does not have.
#ifndef MILLRACE_KERNELS_CPU_SERIAL_H_
#define MILLRACE_KERNELS_CPU_SERIAL_H_

#include <cstdint>

#include "kernels/math/platform.h"
#include "kernels/math/real.h"
#include "kernels/steps/lanes.h"

namespace millrace::kernels {

template <typename Target>
class Serial {
 public:
  // body(i) for i < count.
  template <typename Body>
  MILLRACE_HD void For(std::int64_t count, const Body& body) {
    // In any order: what one body writes no other reads, which the compiler cannot prove.
#pragma GCC ivdep
    for (std::int64_t i = 0; i < count; ++i) body(i);
  }

  // body(j, i) for j < k, i < n.
  template <typename Body>
  MILLRACE_HD void ForPairs(std::int64_t k, std::int64_t n, const Body& body) {
    for (std::int64_t j = 0; j < k; ++j) {
      for (std::int64_t i = 0; i < n; ++i) body(j, i);
    }
  }

  // out[i] = start(i), then sum = add(j, i, sum) for j = 0, 1, ... k - 1.
  template <typename Start, typename Add, typename T>
  MILLRACE_HD void SumRising(std::int64_t k, std::int64_t n, const Start& start, const Add& add,
                             T* out) {
    std::int64_t i = 0;
    for (; i + kTile <= n; i += kTile) SumTile<kTile>(k, i, start, add, out);
    for (; i + kSmallTile <= n; i += kSmallTile) SumTile<kSmallTile>(k, i, start, add, out);
    for (; i < n; ++i) SumTile<1>(k, i, start, add, out);
  }

  // One pass over a map [k, n]: sum = visit(row(j), d[i], d[i]^2, j * n + i, sum) for rising j,
  // from sums[i] and back into it; sums null: from nothing to nowhere. visit may write what it
  // reads at j * n + i, and nothing that another position reads.
  template <typename T, typename Row, typename Visit>
  MILLRACE_HD void Sweep(std::int64_t k, std::int64_t n, const T* d, T* sums, const Row& row,
                         const Visit& visit) {
    std::int64_t i = 0;
    for (; i + kWideTile <= n; i += kWideTile) SweepTile<kWideTile>(k, n, i, d, sums, row, visit);
    for (; i + kLanes <= n; i += kLanes) SweepTile<kLanes>(k, n, i, d, sums, row, visit);
    for (; i < n; ++i) SweepTile<1>(k, n, i, d, sums, row, visit);
  }

  // out[j] = 0, then sum = add(j, i, sum) for i < n, in 16 lanes; j < rows.
  template <typename Add, typename T>
  MILLRACE_HD void SumRows(std::int64_t rows, std::int64_t n, const Add& add, T* out) {
    std::int64_t j = 0;
    if (n <= kLanes) {
      for (; j + kLanes <= rows; j += kLanes) SumShortRows(j, n, add, out);
    }
    for (; j < rows; ++j) {
      out[j] = Gather<steps::Added, T>(n, [&](std::int64_t i, T sum) { return add(j, i, sum); });
    }
  }

  // The sum of term(i) in 16 lanes, and the largest.
  template <typename T, typename Term>
  MILLRACE_HD T Sum(std::int64_t n, const Term& term) {
    return Gather<steps::Added, T>(n, [&](std::int64_t i, T sum) { return sum + term(i); });
  }
  template <typename T, typename Term>
  MILLRACE_HD T Largest(std::int64_t n, const Term& term) {
    return Gather<steps::Larger, T>(n, [&](std::int64_t i, T most) { return Max(most, term(i)); });
  }

  // Whether test(i) holds for any i < n. All are tested: a loop without a way out vectorises.
  template <typename Test>
  MILLRACE_HD bool Any(std::int64_t n, const Test& test) {
    unsigned any = 0;
    for (std::int64_t i = 0; i < n; ++i) any |= test(i) ? 1u : 0u;
    return any != 0;
  }

 private:
  // Units whose sums stay in registers while the inputs go by.
  static constexpr std::int64_t kTile = 32;
  static constexpr std::int64_t kSmallTile = 4;
  static constexpr std::int64_t kLanes = steps::kLanes;
  // Of a sweep, which has columns and sums in registers.
  static constexpr std::int64_t kWideTile = 4 * kLanes;

  template <std::int64_t kWidth, typename T, typename Row, typename Visit>
  MILLRACE_HD void SweepTile(std::int64_t k, std::int64_t n, std::int64_t first, const T* d,
                             T* sums, const Row& row, const Visit& visit) {
    T own[kWidth], square[kWidth], sum[kWidth];
    for (std::int64_t l = 0; l < kWidth; ++l) {
      own[l] = d[first + l];
      square[l] = own[l] * own[l];
      sum[l] = sums == nullptr ? T(0) : sums[first + l];
    }
    for (std::int64_t j = 0; j < k; ++j) {
      const auto of_row = row(j);
      const std::int64_t at = j * n + first;
#pragma GCC ivdep
      for (std::int64_t l = 0; l < kWidth; ++l) {
        sum[l] = visit(of_row, own[l], square[l], at + l, sum[l]);
      }
    }
    if (sums == nullptr) return;
    for (std::int64_t l = 0; l < kWidth; ++l) sums[first + l] = sum[l];
  }

  template <std::int64_t kWidth, typename Start, typename Add, typename T>
  MILLRACE_HD void SumTile(std::int64_t k, std::int64_t first, const Start& start, const Add& add,
                           T* out) {
    T sum[kWidth];
    for (std::int64_t l = 0; l < kWidth; ++l) sum[l] = start(first + l);
    for (std::int64_t j = 0; j < k; ++j) {
      for (std::int64_t l = 0; l < kWidth; ++l) sum[l] = add(j, first + l, sum[l]);
    }
    for (std::int64_t l = 0; l < kWidth; ++l) out[first + l] = sum[l];
  }

  // Sixteen rows of at most one element a lane, side by side: the same sums, with no lane idle.
  template <typename Add, typename T>
  MILLRACE_HD void SumShortRows(std::int64_t first, std::int64_t n, const Add& add, T* out) {
    T lanes[kLanes][kLanes];
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t l = 0; l < kLanes; ++l) lanes[i][l] = add(first + l, i, T(0));
    }
    for (std::int64_t i = n; i < kLanes; ++i) {
      for (std::int64_t l = 0; l < kLanes; ++l) lanes[i][l] = T(0);
    }
    for (std::int64_t width = kLanes / 2; width > 0; width /= 2) {
      for (std::int64_t i = 0; i < width; ++i) {
        for (std::int64_t l = 0; l < kLanes; ++l) lanes[i][l] += lanes[i + width][l];
      }
    }
    for (std::int64_t l = 0; l < kLanes; ++l) out[first + l] = lanes[0][l];
  }

  // Lanes take value = next(i, value); Combine folds them.
  template <template <typename> class Combine, typename T, typename Next>
  MILLRACE_HD T Gather(std::int64_t n, const Next& next) {
    T lanes[steps::kLanes];
    for (T& lane : lanes) lane = Combine<T>::kEmpty;
    std::int64_t first = 0;
    for (; first + steps::kLanes <= n; first += steps::kLanes) {
      for (int l = 0; l < steps::kLanes; ++l) lanes[l] = next(first + l, lanes[l]);
    }
    for (std::int64_t i = first; i < n; ++i) lanes[i - first] = next(i, lanes[i - first]);
    return steps::FoldLanes<Combine>(lanes);
  }
};

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_CPU_SERIAL_H_
