// The gradient of every weight, wherever it comes from, and its norm by group.
//
// The norm of an outer product is the product of two norms, so the immediate rule and the readout
// need no pass over weights for it; traces add it up while they are swept; dense sensitivities
// leave the gradient in the slot.
#ifndef MILLRACE_KERNELS_DEVICE_NORMS_H_
#define MILLRACE_KERNELS_DEVICE_NORMS_H_

#include <cstdint>

#include "kernels/device/team.h"
#include "kernels/device/traces.h"
#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"

namespace millrace::kernels::device {

// What takes part in a step's update: rows of the input whose channel is present, columns of the
// outputs that are known.
template <typename T>
struct Active {
  const std::uint8_t* present;  // [d], or null: all
  bool only_byte;               // of the input only the row of `byte`, which may be none
  int byte;
  const T* known;  // [m], NaN where an output is not known; or null: all are

  MILLRACE_HD bool Channel(int channel) const {
    if (only_byte) return channel == byte;
    return present == nullptr || present[channel] != 0;
  }
  MILLRACE_HD bool Output(std::int64_t k) const { return known == nullptr || known[k] == known[k]; }
  MILLRACE_HD bool Takes(const Range& range, int row, std::int64_t column) const {
    return (!range.rows_wait || Channel(row)) && (!range.columns_wait || Output(column));
  }
};

template <typename T>
MILLRACE_HD bool Learned(const Settings<T>& settings, const Range& range) {
  return settings.rate[range.group] > 0;
}

// Calls take(range, row, column) for what takes part, thread t's part of it.
template <typename T, typename Block, typename Take>
MILLRACE_HD void EachActive(const Team<T, Block>& team, const Active<T>& active, int t,
                            const Take& take) {
  for (int number = 0; number < team.plan.ranges; ++number) {
    const Range& range = team.plan.tables.ranges[number];
    if (!Learned(team.work.settings, range)) continue;
    const bool one_row = active.only_byte && range.rows_wait;
    if (one_row && active.byte == kNone) continue;
    const int first = one_row ? active.byte : 0;
    EachPair(t, one_row ? 1 : range.rows, range.width, [&](int j, int i) {
      if (active.Takes(range, first + j, i)) take(range, first + j, i);
    });
  }
}

// The gradient of a weight as the product of what its row meets and what its column passes back; a
// gradient that is no such product is the first factor, and the second is 1.
template <typename T>
struct Factors {
  T x, d;
};

// Of the weight at (row, column) of a range, before any clip.
template <typename T, typename Block>
MILLRACE_HD Factors<T> GradientAt(const Team<T, Block>& team, const Range& range, int row,
                                  std::int64_t i) {
  const Shape& shape = team.plan.shape;
  if (range.part == Part::kReadoutBias) return {T(1), team.v.dy[i]};
  if (range.part == Part::kFeatures) return {team.v.features(shape)[row], team.v.dy[i]};
  if (team.plan.rule == RuleForm::kBlocks) {
    return {team.work.slot.gradient[range.offset + std::int64_t{row} * range.width + i], T(1)};
  }
  const GatePlan& gate = team.plan.tables.gates[range.gate];
  if (range.part != Part::kFedBack) row += gate.recurrent;
  if (range.part == Part::kOne) row += gate.input;
  if (team.plan.rule == RuleForm::kTraces) return {ContractTraces(team, range.gate, row, i), T(1)};
  return {FanInAt(team, gate, row, i), team.v.delta[std::int64_t{range.gate} * shape.n + i]};
}

// Squared norms of what rows meet: fed back, the input's active channels, the modulated view, the
// features. They stand in Sum(0) .. Sum(3).
template <typename T, typename Block>
MILLRACE_HD void SumMet(Team<T, Block>& team, const Active<T>& active) {
  const Shape& shape = team.plan.shape;
  const T* const fan_in = team.v.fan_in;
  team.SumGroups([&](int t, T* own) {
    for (int i = t; i < shape.n; i += kThreads) {
      own[0] = MulAdd(fan_in[i], fan_in[i], own[0]);
      if (shape.modulated) own[2] = MulAdd(team.v.extra[i], team.v.extra[i], own[2]);
    }
    for (int j = t; j < shape.d; j += kThreads) {
      const T x = active.Channel(j) ? fan_in[shape.n + j] : T(0);
      own[1] = MulAdd(x, x, own[1]);
    }
    const T* const features = team.v.features(shape);
    for (int j = t; j < shape.outputs(); j += kThreads) {
      own[3] = MulAdd(features[j], features[j], own[3]);
    }
  });
}

template <typename T>
struct Met {
  T fed_back, input, modulated, features;
};

// The squared norm of what the rows of a range meet in unit i.
template <typename T, typename Block>
MILLRACE_HD T MetBy(const Team<T, Block>& team, const Range& range, const Met<T>& met, int i) {
  const Shape& shape = team.plan.shape;
  if (range.part == Part::kOne || range.part == Part::kReadoutBias) return T(1);
  if (range.part == Part::kInput) return met.input;
  if (range.part == Part::kFeatures) return met.features;
  if (shape.block_units == shape.n) {
    return team.plan.tables.gates[range.gate].modulator == kNone ? met.fed_back : met.modulated;
  }
  T sum = T(0);
  const T* const own = team.v.fan_in + i / shape.block_units * shape.block_units;
  for (int j = 0; j < shape.block_units; ++j) sum = MulAdd(own[j], own[j], sum);
  return sum;
}

// Adds the squared norms of the ranges that are outer products to the thread's sums by group.
template <typename T, typename Block>
MILLRACE_HD void AddOuterNorms(const Team<T, Block>& team, const Active<T>& active,
                               const Met<T>& met, int t, T* own) {
  for (int number = 0; number < team.plan.ranges; ++number) {
    const Range& range = team.plan.tables.ranges[number];
    const bool head = range.gate == kNone;
    if (!Learned(team.work.settings, range)) continue;
    if (!head && team.plan.rule != RuleForm::kImmediate) continue;
    const T* const slope =
        head ? team.v.dy : team.v.delta + std::int64_t{range.gate} * team.plan.shape.n;
    for (int i = t; i < range.width; i += kThreads) {
      if (range.columns_wait && !active.Output(i)) continue;
      const T square = slope[i] * slope[i];
      own[range.group] = MulAdd(square, MetBy(team, range, met, i), own[range.group]);
    }
  }
}

// The group of row j of a gate.
MILLRACE_HD int GroupOf(const GatePlan& gate, int j) {
  if (j < gate.recurrent) return 0;
  if (j < gate.recurrent + gate.input) return 1;
  return gate.own ? 3 : 2;
}

// Squared norms by group, in Sum(group). Traces are swept on the way.
template <typename T, typename Block>
MILLRACE_HD_CALL void SumNorms(Team<T, Block>& team, const Active<T>& active) {
  SumMet(team, active);
  const Met<T> met = {team.Sum(0), team.Sum(1), team.Sum(2), team.Sum(3)};
  team.Wait();
  const Settings<T>& settings = team.work.settings;
  team.SumGroups([&](int t, T* own) {
    AddOuterNorms(team, active, met, t, own);
    if (team.plan.rule == RuleForm::kTraces) {
      SweepTraces(team, t, [&](int number, int j, T g) {
        const GatePlan& gate = team.plan.tables.gates[number];
        const int group = GroupOf(gate, j);
        if (settings.rate[group] <= 0 || (group == 1 && !active.Channel(j - gate.recurrent))) {
          return;
        }
        own[group] = MulAdd(g, g, own[group]);
      });
    } else if (team.plan.rule == RuleForm::kBlocks) {
      EachActive(team, active, t, [&](const Range& range, int row, int i) {
        if (range.gate == kNone) return;
        const T g = GradientAt(team, range, row, i).x;
        own[range.group] = MulAdd(g, g, own[range.group]);
      });
    }
  });
}

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_NORMS_H_
