// The numbers of dense sensitivities: how they lie in a stream's slot, and what of them a product
// with the Jacobian sees (engine/rules/sensitivity_numbers.h has the formulas). A kind has
//   Stored            what a number takes in the slot
//   Load, Store       from it and to it
//   Factor(team, x)   x as the product sees it
// Thread-safe: pure functions, and a view of the slot.
#ifndef MILLRACE_KERNELS_DEVICE_NUMBERS_H_
#define MILLRACE_KERNELS_DEVICE_NUMBERS_H_

#include <cstdint>
#include <type_traits>

#include "kernels/device/team.h"
#include "kernels/math/platform.h"
#include "kernels/math/rounding.h"

namespace millrace::kernels::device {

template <typename T>
struct FullNumbers {
  using Stored = T;
  MILLRACE_HD static T Load(T x) { return x; }
  MILLRACE_HD static T Store(T x) { return x; }
  template <typename Team>
  MILLRACE_HD static T Factor(const Team&, T x) {
    return x;
  }
};

// Factors are rounded; those of the Jacobian are when it is formed (jacobian.h).
struct Tf32Numbers : FullNumbers<float> {
  template <typename Team>
  MILLRACE_HD static float Factor(const Team& team, float x) {
    return team.block.Tf32(x);
  }
};

struct Bf16Numbers : FullNumbers<float> {
  using Stored = std::uint16_t;
  MILLRACE_HD static float Load(std::uint16_t x) { return WidenBf16(x); }
  MILLRACE_HD static std::uint16_t Store(float x) { return RoundToBf16(x); }
};

// The rule's state in the slot, by number.
template <typename Numbers, typename T>
struct Kept {
  typename Numbers::Stored* values;

  MILLRACE_HD T At(std::int64_t i) const { return Numbers::Load(values[i]); }
  MILLRACE_HD void Set(std::int64_t i, T x) const { values[i] = Numbers::Store(x); }
  MILLRACE_HD Kept From(std::int64_t i) const { return {values + i}; }
};
template <typename Numbers, typename T, typename Block>
MILLRACE_HD Kept<Numbers, T> KeptIn(const Team<T, Block>& team) {
  return {reinterpret_cast<typename Numbers::Stored*>(team.work.slot.rule)};
}

// run(numbers) with the kind that the plan says.
template <typename T, typename Block, typename Run>
MILLRACE_HD void WithNumbers(const Team<T, Block>& team, const Run& run) {
  if constexpr (std::is_same_v<T, float>) {
    switch (team.plan.blocks.sensitivities) {
      case Sensitivities::kTf32:
        return run(Tf32Numbers());
      case Sensitivities::kBf16:
        return run(Bf16Numbers());
      default:
        break;
    }
  }
  run(FullNumbers<T>());
}

// run(kept) with the rule's state, whatever the rule.
template <typename T, typename Block, typename Run>
MILLRACE_HD void WithKept(const Team<T, Block>& team, const Run& run) {
  if constexpr (std::is_same_v<T, float>) {
    if (team.plan.blocks.sensitivities == Sensitivities::kBf16) {
      return run(KeptIn<Bf16Numbers>(team));
    }
  }
  run(KeptIn<FullNumbers<T>>(team));
}

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_NUMBERS_H_
