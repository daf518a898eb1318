// The executor of a block of threads: one stream's step, shared by all threads of one block.
//
// A step becomes a sequence of phases. In a phase every thread t of the block runs the same body;
// between phases, and only there, the block waits for all of them. Block supplies three things:
//   int Threads()            threads in the block, 1 to kMaxThreads
//   void* Scratch()          kScratchBytes that the block shares, aligned for double
//   void Phase(body)         body(t) for every thread t, then a barrier
// On a GPU that is a thread block (kernels/cuda/); on the host it is a loop over t
// (kernels/testing/host_block.h), which runs this very code where there is no GPU.
//
// A body writes to outputs and scratch only, never to a captured local: on a GPU each thread has
// its own copy of those. Within a phase no thread may read what another one writes.
// Results have the bits of the serial executor, whatever the number of threads.
#ifndef MILLRACE_KERNELS_STEPS_BLOCK_H_
#define MILLRACE_KERNELS_STEPS_BLOCK_H_

#include <cstdint>

#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"
#include "kernels/steps/lanes.h"
#include "kernels/steps/pairs.h"

namespace millrace::kernels::steps {

inline constexpr int kMaxThreads = 1024;
inline constexpr int kScratchBytes = 8192;

template <typename Block>
class BlockExecutor {
 public:
  MILLRACE_HD explicit BlockExecutor(Block& block) : block_(block) {}

  // body(i) for i < count.
  template <typename Body>
  MILLRACE_HD void For(std::int64_t count, const Body& body) {
    const std::int64_t threads = block_.Threads();
    block_.Phase([&](int t) {
      for (std::int64_t i = t; i < count; i += threads) body(i);
    });
  }

  // body(j, i) for j < k, i < n.
  template <typename Body>
  MILLRACE_HD void ForPairs(std::int64_t k, std::int64_t n, const Body& body) {
    if (n <= 0) return;
    const std::int64_t threads = block_.Threads();
    block_.Phase([&](int t) { EachPair<std::int64_t>(t, threads, k, n, body); });
  }

  // out[i] = start(i), then sum = add(j, i, sum) for j = 0, 1, ... k - 1.
  template <typename Start, typename Add, typename T>
  MILLRACE_HD void SumRising(std::int64_t k, std::int64_t n, const Start& start, const Add& add,
                             T* out) {
    For(n, [&](std::int64_t i) {
      T sum = start(i);
      for (std::int64_t j = 0; j < k; ++j) sum = add(j, i, sum);
      out[i] = sum;
    });
  }

  // One pass over a map [k, n]: sum = visit(row(j), d[i], d[i]^2, j * n + i, sum) for rising j,
  // from sums[i] and back into it; sums null: from nothing to nowhere.
  template <typename T, typename Row, typename Visit>
  MILLRACE_HD void Sweep(std::int64_t k, std::int64_t n, const T* d, T* sums, const Row& row,
                         const Visit& visit) {
    For(n, [&](std::int64_t i) {
      T sum = sums == nullptr ? T(0) : sums[i];
      const T own = d[i];
      for (std::int64_t j = 0; j < k; ++j) sum = visit(row(j), own, own * own, j * n + i, sum);
      if (sums != nullptr) sums[i] = sum;
    });
  }

  // out[j] = sum_i a[j n + i] b[i] by MulAdd, in 16 lanes; j < rows.
  template <typename T>
  MILLRACE_HD void DotRows(std::int64_t rows, std::int64_t n, const T* a, const T* b, T* out) {
    constexpr std::int64_t kRowsAtOnce = kScratchBytes / std::int64_t(kLanes * sizeof(T));
    T* const lanes = static_cast<T*>(block_.Scratch());
    for (std::int64_t first = 0; first < rows; first += kRowsAtOnce) {
      const std::int64_t left = rows - first;
      const std::int64_t count = left < kRowsAtOnce ? left : kRowsAtOnce;
      For(count * kLanes, [&](std::int64_t index) {
        const std::int64_t j = first + index / kLanes;
        T sum = T(0);
        for (std::int64_t i = index % kLanes; i < n; i += kLanes)
          sum = MulAdd(a[j * n + i], b[i], sum);
        lanes[index] = sum;
      });
      For(count,
          [&](std::int64_t row) { out[first + row] = FoldLanes<Added>(lanes + row * kLanes); });
    }
  }

  // The sum of term(i) in 16 lanes, and the largest; every thread gets the result.
  template <typename T, typename Term>
  MILLRACE_HD T Sum(std::int64_t n, const Term& term) {
    return Reduce<Added, T>(n, term);
  }
  template <typename T, typename Term>
  MILLRACE_HD T Largest(std::int64_t n, const Term& term) {
    return Reduce<Larger, T>(n, term);
  }

  // Whether test(i) holds for any i < n; every thread gets the result.
  template <typename Test>
  MILLRACE_HD bool Any(std::int64_t n, const Test& test) {
    const int threads = block_.Threads();
    bool* const found = static_cast<bool*>(block_.Scratch());
    block_.Phase([&](int t) {
      bool any = false;
      for (std::int64_t i = t; i < n; i += threads) any = test(i) || any;
      found[t] = any;
    });
    For(1, [&](std::int64_t) {
      for (int t = 1; t < threads; ++t) found[0] = found[t] || found[0];
    });
    const bool result = found[0];
    WaitForReaders();
    return result;
  }

 private:
  template <template <typename> class Combine, typename T, typename Term>
  MILLRACE_HD T Reduce(std::int64_t n, const Term& term) {
    T* const lanes = static_cast<T*>(block_.Scratch());
    For(kLanes, [&](std::int64_t lane) {
      T value = Combine<T>::kEmpty;
      for (std::int64_t i = lane; i < n; i += kLanes) value = Combine<T>()(value, term(i));
      lanes[lane] = value;
    });
    For(1, [&](std::int64_t) { FoldLanes<Combine>(lanes); });
    const T result = lanes[0];
    WaitForReaders();
    return result;
  }

  // All threads have read the scratch before the next phase writes it.
  MILLRACE_HD void WaitForReaders() {
    block_.Phase([](int) {});
  }

  Block& block_;
};

}  // namespace millrace::kernels::steps

#endif  // MILLRACE_KERNELS_STEPS_BLOCK_H_
