// The units of a step on a device: which map of one unit a plan names, run over all units.
#ifndef MILLRACE_KERNELS_DEVICE_UNITS_H_
#define MILLRACE_KERNELS_DEVICE_UNITS_H_

#include <cstdint>

#include "kernels/cells/list.h"
#include "kernels/device/plan.h"
#include "kernels/device/team.h"
#include "kernels/math/cells.h"
#include "kernels/math/platform.h"
#include "kernels/math/real.h"
#include "kernels/steps/block.h"
#include "kernels/steps/units.h"
#include "kernels/units.h"

namespace millrace::kernels::device {

// The maps of kernels/cells/list.h by name, and the two that have a form of their own.
enum class UnitMap : int {
  kLeakyTanh,
  kS4d,
#define MILLRACE_NAME(Name) k##Name,
  MILLRACE_FOR_EACH_UNIT(MILLRACE_NAME)
#undef MILLRACE_NAME
};

// A map with the plan's hyper-parameters.
template <typename Unit, typename T>
MILLRACE_HD Unit MapOf(const Plan<T>& plan) {
  if constexpr (requires(Unit unit) { unit.positive; }) {
    return Unit{plan.positive};
  } else {
    return Unit{};
  }
}

template <typename Unit, typename T, typename Block>
MILLRACE_HD_CALL void RunMap(Team<T, Block>& team, const UnitArrays<T>& arrays) {
  const steps::Units<T, Unit> units = {MapOf<Unit>(team.plan), arrays};
  team.For(arrays.n, units);
}

template <typename T, typename Block>
MILLRACE_HD void RunLeakyTanh(Team<T, Block>& team, const UnitArrays<T>& arrays) {
  const T leak = team.plan.leak;
  team.For(arrays.n, [&](std::int64_t i) {
    const UnitStep<T> unit = LeakyTanhUnit(arrays.preactivation[i], arrays.previous[i], leak);
    arrays.state[i] = unit.h;
    arrays.slope[i] = unit.slope;
    arrays.carry[i] = T(1) - leak;
  });
}

template <typename T, typename Block>
MILLRACE_HD_CALL void RunChannels(Team<T, Block>& team, const UnitArrays<T>& arrays) {
  steps::BlockExecutor<Block> exec(team.block);
  steps::S4dUnits<T>{team.plan.states, arrays}.Run(exec);
}

// Fills state, carry and slope; false where the state is not finite.
template <typename T, typename Block>
MILLRACE_HD bool RunUnits(Team<T, Block>& team, const T* previous) {
  const Vectors<T>& v = team.v;
  const UnitArrays<T> arrays = {team.plan.shape.n, v.preactivation, previous,
                                v.state,           v.carry,         v.slope};
  switch (team.plan.unit) {
    case UnitMap::kLeakyTanh:
      RunLeakyTanh(team, arrays);
      break;
    case UnitMap::kS4d:
      RunChannels(team, arrays);
      break;
#define MILLRACE_CASE(Name)        \
  case UnitMap::k##Name:           \
    RunMap<Name<T>>(team, arrays); \
    break;
      MILLRACE_FOR_EACH_UNIT(MILLRACE_CASE)
#undef MILLRACE_CASE
  }
  const int states = team.plan.shape.states();
  return !team.block.Any([&](int t) {
    bool bad = false;
    for (int i = t; i < states; i += kThreads) bad = bad || !IsFinite(v.state[i]);
    return bad;
  });
}

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_UNITS_H_
