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
#include <type_traits>

#include "kernels/cpu/vectors.h"
#include "kernels/math/mul_add.h"
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

  // out[j] = sum_i a[j n + i] b[i] by MulAdd, in 16 lanes; j < rows. In vectors: the compiler keeps
  // the lanes apart.
  template <typename T>
  MILLRACE_HD void DotRows(std::int64_t rows, std::int64_t n, const T* a, const T* b, T* out) {
    const std::int64_t together = n < kLanes ? rows / kLanes * kLanes : 0;
    if (n == 2) {
      DotShortRows(together, Width<2>(), a, b, out);
    } else if (n == 4) {
      DotShortRows(together, Width<4>(), a, b, out);
    } else if (together > 0) {
      DotShortRows(together, n, a, b, out);
    }
    for (std::int64_t j = together; j < rows; ++j) out[j] = DotOf(n, a + j * n, b);
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
  static constexpr std::int64_t kFew = 4;
  // Of a sweep, which has columns and sums in registers.
  static constexpr std::int64_t kWideTile = 4 * kLanes;
  template <std::int64_t kNumber>
  using Width = std::integral_constant<std::int64_t, kNumber>;

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

  // Sixteen rows of fewer elements than lanes at a time, side by side: the same sums, with no lane
  // idle. n: a number, or one that the compiler knows.
  template <typename N, typename T>
  MILLRACE_HD void DotShortRows(std::int64_t rows, N n, const T* a, const T* b, T* out) {
    for (std::int64_t first = 0; first < rows; first += kLanes) {
      T lanes[kLanes][kLanes];
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t l = 0; l < kLanes; ++l) {
          lanes[i][l] = MulAdd(a[(first + l) * n + i], b[i], T(0));
        }
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
  }

  template <typename T>
  MILLRACE_HD T DotOf(std::int64_t n, const T* a, const T* b) {
    if (n <= kFew) return DotOfFew(n, a, b);
    using Vectors = cpu::Vectors<Target, T>;
    constexpr int kParts = static_cast<int>(kLanes) / Vectors::kLanes;
    typename Vectors::Vector parts[kParts] = {};
    std::int64_t first = 0;
    for (; first + kLanes <= n; first += kLanes) {
      for (int p = 0; p < kParts; ++p) {
        const std::int64_t at = first + p * Vectors::kLanes;
        parts[p] = Vectors::MulAdd(Vectors::Load(a + at), Vectors::Load(b + at), parts[p]);
      }
    }
    if (first < n) {
      T lanes[kLanes];
      for (int p = 0; p < kParts; ++p) Vectors::Store(parts[p], lanes + p * Vectors::kLanes);
      for (std::int64_t i = first; i < n; ++i) {
        lanes[i - first] = MulAdd(a[i], b[i], lanes[i - first]);
      }
      for (int p = 0; p < kParts; ++p) parts[p] = Vectors::Load(lanes + p * Vectors::kLanes);
    }
    for (int width = kParts / 2; width > 0; width /= 2) {
      for (int p = 0; p < width; ++p) parts[p] += parts[p + width];
    }
    return Vectors::Folded(parts[0]);
  }

  // The other lanes are zeros: adding one makes a negative zero positive and nothing else.
  template <typename T>
  MILLRACE_HD T DotOfFew(std::int64_t n, const T* a, const T* b) {
    T lanes[kFew] = {};
    for (std::int64_t i = 0; i < n; ++i) lanes[i] = MulAdd(a[i], b[i], T(0)) + T(0);
    return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
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
