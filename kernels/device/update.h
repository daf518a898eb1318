// The update of one step: clip, optimizer, bounds, weights.
//
// A weight's g comes from GradientAt (norms.h) as it is needed, so nothing of the size of the
// weights is written but weights and slots, unless a bound asks for the change before it is made.
#ifndef MILLRACE_KERNELS_DEVICE_UPDATE_H_
#define MILLRACE_KERNELS_DEVICE_UPDATE_H_

#include <cstdint>

#include "kernels/device/norms.h"
#include "kernels/device/team.h"
#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"
#include "kernels/math/real.h"
#include "kernels/math/sqrt.h"
#include "kernels/math/updates.h"

namespace millrace::kernels::device {

// The relative change is measured at every so many-th update where no bound asks for it.
inline constexpr std::uint64_t kMeasureEvery = 64;

// The change of one weight by its element update; its slots advance.
template <typename Update, typename T>
MILLRACE_HD T ChangeOf(const Update& update, const Factors<T>& g, T scale,
                       const WeightSlot<T>& weights, std::int64_t place) {
  Slots<T> slots{};
  if constexpr (Update::kTheta) slots.theta = weights.theta[place];
  if constexpr (Update::kFirst) slots.first = weights.slot1[place];
  if constexpr (Update::kSecond) slots.second = weights.slot2[place];
  const T change = update(update.ForRow(scale * g.x), g.d, g.d * g.d, slots);
  if constexpr (Update::kFirst) weights.slot1[place] = slots.first;
  if constexpr (Update::kSecond) weights.slot2[place] = slots.second;
  return change;
}

// Rates of one group and one running power, as the engine's optimizers have them.
template <typename T>
MILLRACE_HD UpdateRates<T> RatesOf(const Settings<T>& settings, int group, double power1,
                                   double power2) {
  const double correction2 = settings.corrected ? 1.0 - power2 : 1.0;
  const bool divided = settings.epsilon_uncorrected && !settings.epsilon_inside;
  UpdateRates<T> rates;
  rates.rate = static_cast<T>(settings.rate[group]);
  rates.beta1 = static_cast<T>(settings.beta1);
  rates.beta2 = static_cast<T>(settings.beta2);
  rates.epsilon = static_cast<T>(divided ? settings.epsilon / Sqrt(correction2) : settings.epsilon);
  rates.weight_decay = static_cast<T>(settings.weight_decay);
  rates.correction1 = settings.corrected ? static_cast<T>(1.0 - power1) : T(1);
  rates.correction2 = static_cast<T>(correction2);
  rates.epsilon_inside = settings.epsilon_inside;
  if (settings.update == UpdateForm::kFirstMoment) {
    // Slot 1 is the sum of beta1^i g, of which (1 - beta1) is Adam's first moment.
    rates.rate = rates.rate * (T(1) - rates.beta1) / rates.correction1;
  }
  return rates;
}

// Advances the running powers of what takes part, and makes its element updates.
template <typename Update, typename T, typename Block>
MILLRACE_HD void AdvancePowers(Team<T, Block>& team, const Active<T>& active) {
  const Slot<T>& slot = team.work.slot;
  Update* const updates = reinterpret_cast<Update*>(slot.updates);
  const Settings<T>& settings = team.work.settings;
  team.block.Phase([&](int t) {
    for (int number = 0; number < team.plan.ranges; ++number) {
      const Range& range = team.plan.tables.ranges[number];
      if (!Learned(settings, range)) continue;
      EachPair(t, range.rows_wait ? range.rows : 1, range.columns_wait ? range.width : 1,
               [&](int row, int column) {
                 if (!active.Takes(range, row, column)) return;
                 const int at = range.power + row * (range.columns_wait ? range.width : 1) + column;
                 slot.weights.power1[at] *= settings.beta1;
                 slot.weights.power2[at] *= settings.beta2;
                 updates[at] = Update(RatesOf(settings, range.group, slot.weights.power1[at],
                                              slot.weights.power2[at]));
               });
    }
  });
}

template <typename T>
MILLRACE_HD std::int64_t PowerAt(const Range& range, int row, std::int64_t column) {
  return range.power + (range.rows_wait ? row : 0) * (range.columns_wait ? range.width : 1) +
         (range.columns_wait ? column : 0);
}

// What the clip does with a gradient of these squared norms.
template <typename T>
struct Clip {
  T scale[kGroups];
  double norm[kGroups];
  bool finite, clipped;
};

template <typename T, typename Block>
MILLRACE_HD Clip<T> ClipOf(const Team<T, Block>& team) {
  const Settings<T>& settings = team.work.settings;
  Clip<T> clip;
  double total = 0;
  for (int g = 0; g < kGroups; ++g) total += static_cast<double>(team.Sum(g));
  clip.finite = IsFinite(total);
  clip.clipped = false;
  const double global = Sqrt(total);
  for (int g = 0; g < kGroups; ++g) {
    clip.norm[g] = Sqrt(static_cast<double>(team.Sum(g)));
    const double norm = settings.clip_per_group ? clip.norm[g] : global;
    const bool cut = settings.clip_norm > 0 && norm > settings.clip_norm;
    clip.scale[g] = cut ? static_cast<T>(settings.clip_norm / norm) : T(1);
    clip.clipped = clip.clipped || cut;
  }
  return clip;
}

// Calls take(range, place, change) for every weight that takes part; slots advance.
template <typename Update, typename T, typename Block, typename Take>
MILLRACE_HD void EachChange(const Team<T, Block>& team, const Active<T>& active,
                            const Clip<T>& clip, int t, const Take& take) {
  const Slot<T>& slot = team.work.slot;
  const Update* const updates = reinterpret_cast<const Update*>(slot.updates);
  EachActive(team, active, t, [&](const Range& range, int row, int i) {
    const std::int64_t place = range.offset + std::int64_t{row} * range.width + i;
    take(range, place,
         ChangeOf(updates[PowerAt<T>(range, row, i)], GradientAt(team, range, row, i),
                  clip.scale[range.group], slot.weights, place));
  });
}

// What bounds leave of a group's change.
template <typename T>
MILLRACE_HD double Allowed(const Settings<T>& settings, double relative, double released) {
  double allowed = relative;
  if (settings.max_step_change > 0) allowed = Min(allowed, settings.max_step_change);
  if (settings.max_release_change > 0) {
    allowed = Min(allowed, Max(0.0, settings.max_release_change - released));
  }
  return allowed;
}

// How the change of an update is measured and bounded.
struct Bounds {
  bool bounded, measures;
  double size[kGroups];      // squared norm of the weights that take part
  double relative[kGroups];  // |change| / |weights|
  double released[kGroups];  // the sum of these over the release
};

template <typename T, typename Block>
MILLRACE_HD Bounds MeasureWeights(Team<T, Block>& team, const Active<T>& active,
                                  std::uint64_t release) {
  const Settings<T>& settings = team.work.settings;
  const UpdateState& state = *team.work.slot.update;
  Bounds bounds;
  bounds.bounded = settings.max_step_change > 0 || settings.max_release_change > 0;
  bounds.measures = bounds.bounded || state.applied % kMeasureEvery == 0;
  for (int g = 0; g < kGroups; ++g) {
    bounds.relative[g] = state.relative_change[g];
    bounds.released[g] = release == state.release ? state.release_change[g] : 0.0;
  }
  team.Wait();
  if (!bounds.measures) return bounds;
  const T* const theta = team.work.slot.weights.theta;
  team.SumGroups([&](int t, T* own) {
    EachActive(team, active, t, [&](const Range& range, int row, int i) {
      const T x = theta[range.offset + std::int64_t{row} * range.width + i];
      own[range.group] = MulAdd(x, x, own[range.group]);
    });
  });
  for (int g = 0; g < kGroups; ++g) bounds.size[g] = static_cast<double>(team.Sum(g));
  team.Wait();
  return bounds;
}

// Squared norms of the changes stand in Sum(group): they are compared with the weights, and what a
// bound has kept back is added as far as it allows.
template <typename T, typename Block>
MILLRACE_HD void CompareChange(Team<T, Block>& team, const Active<T>& active, Bounds* bounds) {
  const Settings<T>& settings = team.work.settings;
  const Slot<T>& slot = team.work.slot;
  T scale[kGroups];
  for (int g = 0; g < kGroups; ++g) {
    const double size = bounds->size[g];
    double& relative = bounds->relative[g];
    relative = size > 0 ? Sqrt(static_cast<double>(team.Sum(g)) / size) : 0.0;
    scale[g] = T(1);
    if (!bounds->bounded || relative == 0) continue;
    const double allowed = Allowed(settings, relative, bounds->released[g]);
    if (allowed < relative) scale[g] = static_cast<T>(allowed / relative);
    relative = Min(allowed, relative);
    bounds->released[g] += relative;
  }
  team.Wait();
  if (!bounds->bounded) return;
  team.block.Phase([&](int t) {
    EachActive(team, active, t, [&](const Range& range, int row, int i) {
      const std::int64_t place = range.offset + std::int64_t{row} * range.width + i;
      slot.weights.theta[place] += slot.gradient[place] * scale[range.group];
    });
  });
}

// Slots and weights by one optimizer.
template <typename Update, typename T, typename Block>
MILLRACE_HD void ChangeWeights(Team<T, Block>& team, const Active<T>& active, const Clip<T>& clip,
                               Bounds* bounds) {
  const Slot<T>& slot = team.work.slot;
  if (!bounds->measures) {
    team.block.Phase([&](int t) {
      EachChange<Update>(team, active, clip, t, [&](const Range&, std::int64_t place, T change) {
        slot.weights.theta[place] += change;
      });
    });
    return;
  }
  team.SumGroups([&](int t, T* own) {
    EachChange<Update>(team, active, clip, t,
                       [&](const Range& range, std::int64_t place, T change) {
                         own[range.group] = MulAdd(change, change, own[range.group]);
                         if (bounds->bounded) {
                           slot.gradient[place] = change;
                         } else {
                           slot.weights.theta[place] += change;
                         }
                       });
  });
  CompareChange(team, active, bounds);
}

// The update by one optimizer; false where the gradient is not finite, nothing being changed then.
template <typename Update, typename T, typename Block>
MILLRACE_HD_CALL bool UpdateBy(Team<T, Block>& team, const Active<T>& active, const Row& row,
                               unsigned char* status) {
  const Clip<T> clip = ClipOf(team);
  team.Wait();
  if (!clip.finite) return false;
  Bounds bounds = MeasureWeights(team, active, row.release);
  AdvancePowers<Update>(team, active);
  ChangeWeights<Update>(team, active, clip, &bounds);
  team.For(1, [&](std::int64_t) {
    UpdateState& state = *team.work.slot.update;
    for (int g = 0; g < kGroups; ++g) {
      state.gradient_norm[g] = clip.norm[g];
      state.relative_change[g] = bounds.relative[g];
      state.release_change[g] = bounds.released[g];
    }
    state.release = row.release;
    ++state.applied;
    *status = static_cast<unsigned char>(Status::kUpdated | (clip.clipped ? Status::kClipped : 0));
  });
  return true;
}

// With epsilon under the root or beside it. A correction that has become 1 changes no bit.
template <template <typename, typename> class Update, typename T, typename Block>
MILLRACE_HD bool UpdateByRoot(Team<T, Block>& team, const Active<T>& active, const Row& row,
                              unsigned char* status) {
  if (team.work.settings.epsilon_inside) {
    return UpdateBy<Update<T, Root<true, true>>>(team, active, row, status);
  }
  return UpdateBy<Update<T, Root<false, true>>>(team, active, row, status);
}

template <typename T, typename Block>
MILLRACE_HD bool RunUpdate(Team<T, Block>& team, const Active<T>& active, const Row& row,
                           unsigned char* status) {
  switch (team.work.settings.update) {
    case UpdateForm::kSgd:
      return UpdateBy<SgdUpdate<T>>(team, active, row, status);
    case UpdateForm::kMomentum:
    case UpdateForm::kFirstMoment:
      return UpdateBy<MomentumUpdate<T>>(team, active, row, status);
    case UpdateForm::kRmsprop:
      return UpdateByRoot<RmspropUpdate>(team, active, row, status);
    default:
      return UpdateByRoot<AdamUpdate>(team, active, row, status);
  }
}

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_UPDATE_H_
