// Arrays of a slot in the memory that a block's threads share, over the rows of a message: copied
// there before the first row, and what is state copied back after the last, however that one ended.
// Between the two everything goes through the pointers of the work that the block has, which point
// there; so no number depends on it.
//
//   Work<T> work = NearWork(plan, home, block.Shared());
//   Team<T, Block> team(block, plan, work);
//   RunMessage(team, home.slot);   // step.h
#ifndef MILLRACE_KERNELS_DEVICE_RESIDENT_H_
#define MILLRACE_KERNELS_DEVICE_RESIDENT_H_

#include <cstdint>
#include <type_traits>

#include "kernels/device/plan.h"
#include "kernels/device/team.h"
#include "kernels/device/work.h"
#include "kernels/math/platform.h"

namespace millrace::kernels::device {

// A copy there and back costs what the passes of half a row cost, and nothing hides it; of four
// rows it is an eighth.
inline constexpr int kResidentRows = 4;

template <typename T>
MILLRACE_HD bool StaysNear(const Plan<T>& plan, const Work<T>& work) {
  return plan.residency.shared_bytes > 0 && work.count >= kResidentRows;
}

// f(array, pointer of one, pointer of the other) for the arrays that are state, then for scratch.
template <typename Slots, typename F>
MILLRACE_HD void EachState(const Residency& residency, Slots& a, Slots& b, const F& f) {
  f(residency.theta, a.weights.theta, b.weights.theta);
  f(residency.slot1, a.weights.slot1, b.weights.slot1);
  f(residency.slot2, a.weights.slot2, b.weights.slot2);
  f(residency.power1, a.weights.power1, b.weights.power1);
  f(residency.power2, a.weights.power2, b.weights.power2);
  f(residency.hidden, a.hidden, b.hidden);
  f(residency.predicted, a.predicted, b.predicted);
  f(residency.rule, a.rule, b.rule);
}
template <typename Slots, typename F>
MILLRACE_HD void EachScratch(const Residency& residency, Slots& a, Slots& b, const F& f) {
  f(residency.gradient, a.gradient, b.gradient);
  f(residency.jacobian, a.jacobian, b.jacobian);
  f(residency.reach, a.reach, b.reach);
  f(residency.updates, a.updates, b.updates);
}

// The work of a block whose threads share `shared`.
template <typename T>
MILLRACE_HD Work<T> NearWork(const Plan<T>& plan, const Work<T>& home, void* shared) {
  Work<T> work = home;
  if (!StaysNear(plan, home)) return work;
  const auto place = [&](const Resident& array, auto* const&, auto*& pointer) {
    if (array.at < 0) return;
    pointer = reinterpret_cast<std::remove_reference_t<decltype(pointer)>>(
        static_cast<unsigned char*>(shared) + array.at);
  };
  EachState(plan.residency, work.slot, work.slot, place);
  EachScratch(plan.residency, work.slot, work.slot, place);
  return work;
}

struct alignas(16) Chunk {
  std::uint32_t words[4];
};

// Thread t's part of a copy of `bytes`, a multiple of 16 as both addresses are. Four loads are
// under way before the first of them is stored.
MILLRACE_HD void CopyChunks(int t, const void* from, std::int64_t bytes, void* to) {
  const auto* const source = static_cast<const unsigned char*>(from);
  auto* const target = static_cast<unsigned char*>(to);
  const auto load = [source](std::int64_t at) {
    Chunk chunk;
    __builtin_memcpy(&chunk, __builtin_assume_aligned(source + at, 16), sizeof(chunk));
    return chunk;
  };
  const auto store = [target](std::int64_t at, const Chunk& chunk) {
    __builtin_memcpy(__builtin_assume_aligned(target + at, 16), &chunk, sizeof(chunk));
  };
  constexpr std::int64_t kAll = kThreads * std::int64_t{sizeof(Chunk)};
  std::int64_t at = t * std::int64_t{sizeof(Chunk)};
  for (; at + 3 * kAll < bytes; at += 4 * kAll) {
    const Chunk chunks[4] = {load(at), load(at + kAll), load(at + 2 * kAll), load(at + 3 * kAll)};
    for (int k = 0; k < 4; ++k) store(at + k * kAll, chunks[k]);
  }
  for (; at < bytes; at += kAll) store(at, load(at));
}

template <typename T, typename Block>
MILLRACE_HD void BringNear(Team<T, Block>& team, const Slot<T>& home) {
  team.block.Phase([&](int t) {
    EachState(team.plan.residency, home, team.work.slot,
              [t](const Resident& array, const auto* from, auto* to) {
                if (array.at >= 0) CopyChunks(t, from, array.bytes, to);
              });
  });
}

template <typename T, typename Block>
MILLRACE_HD void BringHome(Team<T, Block>& team, const Slot<T>& home) {
  team.block.Phase([&](int t) {
    EachState(team.plan.residency, team.work.slot, home,
              [t](const Resident& array, const auto* from, auto* to) {
                if (array.at >= 0) CopyChunks(t, from, array.bytes, to);
              });
  });
}

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_RESIDENT_H_
