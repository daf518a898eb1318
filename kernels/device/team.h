// The block of threads that takes a stream's steps, and the memory it works in.
//
// Block is that of kernels/steps/block.h with kThreads threads, and beside it has
//   bool Any(body)        whether body(t) holds for any thread t, known to all; then a barrier
//   Held<A> Registers()   an A of every thread that lives across phases: held.Of(t)
//   void* Shared()        memory that the block's threads share, as many bytes as the plan says
//   float Tf32(x)         x rounded to TF32 (kernels/math/rounding.h)
//   void Multiply<Operands>(steps, load, held)
//                         of every warp, held.Of(t).sum[m][n] += left[m] right[n] for the fragments
//                         (fragments.h) that its lanes have: Operands load(t, step), step < steps,
//                         each step's products added up from zero on; then a barrier. load reads
//                         what earlier phases wrote.
// What stands outside a phase is run by every thread, and may read only what no phase beside it
// writes.
#ifndef MILLRACE_KERNELS_DEVICE_TEAM_H_
#define MILLRACE_KERNELS_DEVICE_TEAM_H_

#include <cstdint>

#include "kernels/device/plan.h"
#include "kernels/device/work.h"
#include "kernels/math/platform.h"
#include "kernels/steps/pairs.h"

namespace millrace::kernels::device {

// The vectors of one step. State, fan-in and derivatives lie as the engine's step has them.
template <typename T>
struct Vectors {
  T* state;          // [C + A, n]
  T* fan_in;         // what is fed back [n], the input [d], 1
  T* preactivation;  // [G, n]
  T* carry;          // [carries, n]
  T* slope;          // [slopes, n]
  T* extra;          // of a modulator r: r h' [n], r [n], d(r h')/da [n]
  T* delta;          // [G, n], dL/da
  T* coupling;       // [couplings, n], of traces
  T* y;              // [m]
  T* dy;             // [m]
  T* q;              // [o], dL/d(outputs of the cell)
  std::int64_t size;

  MILLRACE_HD static Vectors At(T* base, const Shape& shape, int couplings) {
    Vectors v;
    std::int64_t at = 0;
    const auto take = [&](std::int64_t count) {
      T* const here = base + at;
      at += count;
      return here;
    };
    v.state = take(shape.states());
    v.fan_in = take(shape.n + shape.d + 1);
    v.preactivation = take(std::int64_t{shape.gates} * shape.n);
    v.carry = take(std::int64_t{shape.carries} * shape.n);
    v.slope = take(std::int64_t{shape.slopes} * shape.n);
    v.extra = take(shape.modulated ? std::int64_t{3} * shape.n : 0);
    v.delta = take(std::int64_t{shape.gates} * shape.n);
    v.coupling = take(std::int64_t{couplings} * shape.n);
    v.y = take(shape.m);
    v.dy = take(shape.m);
    v.q = take(shape.outputs());
    v.size = at;
    return v;
  }
  // What the head sees.
  MILLRACE_HD const T* features(const Shape& shape) const {
    return state + std::int64_t{shape.first_output} * shape.n;
  }
};

// Sums by group with one lane a thread, folded kThreads / 2, ..., 1.
inline constexpr std::int64_t kSumNumbers = std::int64_t{kGroups} * kThreads;

template <typename T, typename Block>
struct Team {
  Block& block;
  const Plan<T>& plan;
  const Work<T>& work;
  Vectors<T> v;
  T* sums;  // [kGroups, kThreads]
  T* tile;  // the rest of the shared memory

  MILLRACE_HD Team(Block& of, const Plan<T>& by, const Work<T>& on)
      : block(of), plan(by), work(on), sums(static_cast<T*>(of.Shared())) {
    T* const rest = sums + kSumNumbers;
    v = Vectors<T>::At(plan.vectors_shared ? rest : work.slot.vectors, plan.shape, plan.couplings);
    tile = plan.vectors_shared ? rest + (v.size + 3) / 4 * 4 : rest;
  }

  // body(i) for i < count, in one phase.
  template <typename Body>
  MILLRACE_HD void For(std::int64_t count, const Body& body) {
    block.Phase([&](int t) {
      for (std::int64_t i = t; i < count; i += kThreads) body(i);
    });
  }
  MILLRACE_HD void Wait() {
    block.Phase([](int) {});
  }

  // Adds up what body(t, own) puts into own [kGroups] of every thread; the results stand in Sum(g)
  // until the next call.
  template <typename Body>
  MILLRACE_HD void SumGroups(const Body& body) {
    block.Phase([&](int t) {
      T own[kGroups] = {};
      body(t, own);
      for (int g = 0; g < kGroups; ++g) sums[g * kThreads + t] = own[g];
    });
    for (int width = kThreads / 2; width > 0; width /= 2) {
      block.Phase([&](int t) {
        if (t >= width) return;
        for (int g = 0; g < kGroups; ++g) sums[g * kThreads + t] += sums[g * kThreads + t + width];
      });
    }
  }
  MILLRACE_HD T Sum(int group) const { return sums[group * kThreads]; }
};

// body(j, i) for the pairs j < k, i < n that fall to thread t.
template <typename Body>
MILLRACE_HD void EachPair(int t, int k, int n, const Body& body) {
  steps::EachPair<int>(t, kThreads, k, n, body);
}

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_TEAM_H_
