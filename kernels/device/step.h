// A learning step of a stream as device code: a sequence of phases of one block of threads, from
// the row of a message to new weights.
//
// RunMessage takes the rows of a message one after the other. Where a step's sensitivities are
// swept by many blocks at once, RunFront, SweepBlocks and RunBack are the three parts of one row,
// each a launch of its own.
#ifndef MILLRACE_KERNELS_DEVICE_STEP_H_
#define MILLRACE_KERNELS_DEVICE_STEP_H_

#include <cstdint>

#include "kernels/device/backward.h"
#include "kernels/device/forward.h"
#include "kernels/device/jacobian.h"
#include "kernels/device/norms.h"
#include "kernels/device/numbers.h"
#include "kernels/device/resident.h"
#include "kernels/device/sweep.h"
#include "kernels/device/team.h"
#include "kernels/device/traces.h"
#include "kernels/device/units.h"
#include "kernels/device/update.h"
#include "kernels/math/platform.h"
#include "kernels/math/real.h"
#include "kernels/math/sqrt.h"

namespace millrace::kernels::device {

// One row of the message.
template <typename T>
struct RowAt {
  int number;
  Row row;
  const T* x;                   // [d], or null
  const std::uint8_t* present;  // [d], or null
  const T* target;              // [m]
  T* outputs;                   // [m], or null
  unsigned char* status;
};

template <typename T, typename Block>
MILLRACE_HD RowAt<T> RowNumber(const Team<T, Block>& team, int number) {
  const Work<T>& work = team.work;
  const Shape& shape = team.plan.shape;
  RowAt<T> at;
  at.number = number;
  at.row = work.rows[number];
  at.x = at.row.Has(Row::kDense) ? work.inputs + std::int64_t{number} * shape.d : nullptr;
  at.present = at.row.Has(Row::kMasked) ? work.present + std::int64_t{number} * shape.d : nullptr;
  at.target = work.targets + std::int64_t{number} * shape.m;
  at.outputs = at.row.Has(Row::kPredicts) ? work.outputs + std::int64_t{number} * shape.m : nullptr;
  at.status = work.status + number;
  return at;
}

template <typename T, typename Block>
MILLRACE_HD Active<T> ActiveOf(const Team<T, Block>& team, const RowAt<T>& at) {
  const bool sparse = !at.row.Has(Row::kDense) && team.plan.rule == RuleForm::kImmediate &&
                      team.work.settings.sparse_update;
  return {at.present, sparse || at.row.Silent(), at.row.byte,
          at.row.target == TargetForm::kValues ? at.target : nullptr};
}

template <typename T, typename Block>
MILLRACE_HD void ZeroState(Team<T, Block>& team, bool learner) {
  const Slot<T>& slot = team.work.slot;
  const std::int64_t states = team.plan.shape.states();
  team.For(states, [&](std::int64_t i) { (learner ? slot.hidden : slot.predicted)[i] = T(0); });
  if (!learner) return;
  WithKept(team, [&](const auto& kept) {
    team.For(team.plan.rule_state, [&](std::int64_t i) { kept.Set(i, T(0)); });
  });
}

// New state to the learner, the predictor, or both.
template <typename T, typename Block>
MILLRACE_HD void TakeState(Team<T, Block>& team, const Row& row) {
  const Slot<T>& slot = team.work.slot;
  const bool passes = row.Has(Row::kPasses);
  const bool adopts = row.Has(Row::kAdopts);
  team.For(team.plan.shape.states(), [&](std::int64_t i) {
    if (passes) slot.hidden[i] = team.v.state[i];
    if (adopts) slot.predicted[i] = team.v.state[i];
  });
}

// The step up to what the sweep needs. False where the row is done with: it only predicts, or its
// state is not finite.
template <typename T, typename Block>
MILLRACE_HD bool RunFront(Team<T, Block>& team, const RowAt<T>& at) {
  const Row& row = at.row;
  const bool passes = row.Has(Row::kPasses);
  if (row.Has(Row::kReset)) {
    if (passes) ZeroState(team, true);
    if (row.Has(Row::kAdopts)) ZeroState(team, false);
  }
  const T* const before = passes ? team.work.slot.hidden : team.work.slot.predicted;
  const bool finite = RunForward(team, Seen<T>{before, at.x, row.byte}, at.outputs);
  if (passes && !finite) {
    team.For(1, [&](std::int64_t) { *at.status = Status::kStateBad; });
    return false;
  }
  if (!row.Has(Row::kPeeks)) TakeState(team, row);
  if (!passes) return false;
  if (row.Has(Row::kLearns)) RunBackward(team, row, at.target);
  if (team.plan.rule == RuleForm::kImmediate) {
    if (row.Has(Row::kLearns)) FillDeltas(team);
  } else if (team.plan.rule == RuleForm::kTraces) {
    FillCoupling(team);
  } else {
    FillJacobian(team);
    FillReach(team);
  }
  return true;
}

// Scales the sensitivities down to the norm that they may have.
template <typename T, typename Block, typename Kept>
MILLRACE_HD_CALL void CapKept(Team<T, Block>& team, const Kept& kept, double most) {
  team.SumGroups([&](int t, T* own) {
    for (std::int64_t i = t; i < team.plan.rule_state; i += kThreads) {
      const T value = kept.At(i);
      own[0] = MulAdd(value, value, own[0]);
    }
  });
  const double norm = Sqrt(static_cast<double>(team.Sum(0)));
  team.Wait();
  if (norm <= most) return;
  const T scale = static_cast<T>(most / norm);
  team.For(team.plan.rule_state, [&](std::int64_t i) { kept.Set(i, kept.At(i) * scale); });
}
template <typename T, typename Block>
MILLRACE_HD void CapSensitivities(Team<T, Block>& team) {
  const double most = team.work.settings.max_sensitivity_norm;
  if (most <= 0 || team.plan.rule_state == 0) return;
  WithKept(team, [&](const auto& kept) { CapKept(team, kept, most); });
}

template <typename T, typename Block>
MILLRACE_HD void KeepGood(Team<T, Block>& team, unsigned char* status) {
  const WeightSlot<T>& from = team.work.slot.weights;
  const WeightSlot<T>& to = team.work.slot.good;
  const std::int64_t p = team.plan.shape.parameters;
  const bool bad = team.block.Any([&](int t) {
    bool found = false;
    for (std::int64_t i = t; i < p; i += kThreads) found = found || !IsFinite(from.theta[i]);
    return found;
  });
  if (bad) return;
  team.block.Phase([&](int t) {
    for (std::int64_t i = t; i < p; i += kThreads) {
      to.theta[i] = from.theta[i];
      if (from.slot1 != nullptr) to.slot1[i] = from.slot1[i];
      if (from.slot2 != nullptr) to.slot2[i] = from.slot2[i];
    }
    for (int i = t; i < team.plan.shape.powers; i += kThreads) {
      to.power1[i] = from.power1[i];
      to.power2[i] = from.power2[i];
    }
    if (t == 0) *status = static_cast<unsigned char>(*status | Status::kGood);
  });
}

// The step from the sweep on; traces are swept here. False where the gradient is not finite.
template <typename T, typename Block>
MILLRACE_HD bool RunBack(Team<T, Block>& team, const RowAt<T>& at) {
  if (at.row.Has(Row::kLearns)) {
    const Active<T> active = ActiveOf(team, at);
    SumNorms(team, active);
    if (!RunUpdate(team, active, at.row, at.status)) {
      team.For(1, [&](std::int64_t) { *at.status = Status::kUpdateBad; });
      return false;
    }
  } else if (team.plan.rule == RuleForm::kTraces) {
    team.block.Phase([&](int t) { SweepTraces(team, t, [](int, int, T) {}); });
  }
  CapSensitivities(team);
  if (at.row.Has(Row::kKeepsGood)) KeepGood(team, at.status);
  return true;
}

// A row as a whole; false where the stream must not go on by itself.
template <typename T, typename Block>
MILLRACE_HD bool RunRow(Team<T, Block>& team, int number) {
  const RowAt<T> at = RowNumber(team, number);
  team.For(1, [&](std::int64_t) { *at.status = 0; });
  if (!RunFront(team, at)) return !at.row.Has(Row::kPasses);
  if (team.plan.rule == RuleForm::kBlocks) {
    SweepBlocks(team, {0, 1}, at.row.Has(Row::kLearns));
  }
  return RunBack(team, at);
}

// Whether a row is to be run: all before it were, and the last of them let the stream go on.
template <typename T, typename Block>
MILLRACE_HD bool IsNext(const Team<T, Block>& team, int number) {
  const Work<T>& work = team.work;
  if (number >= work.first + work.count || *work.done != number - work.first) return false;
  constexpr int kBad = Status::kStateBad | Status::kUpdateBad;
  return number == work.first || (work.status[number - 1] & kBad) == 0;
}

// The three parts of a row, where the sweep is a launch of many blocks.
template <typename T, typename Block>
MILLRACE_HD void RunFrontAlone(Team<T, Block>& team, int number) {
  if (!IsNext(team, number)) return;
  const RowAt<T> at = RowNumber(team, number);
  team.For(1, [&](std::int64_t) { *at.status = 0; });
  if (RunFront(team, at)) return;
  team.For(1, [&](std::int64_t) { ++*team.work.done; });
}
template <typename T, typename Block>
MILLRACE_HD void RunSweepAlone(Team<T, Block>& team, int number, const Share& share) {
  if (!IsNext(team, number) || team.plan.rule != RuleForm::kBlocks) return;
  SweepBlocks(team, share, team.work.rows[number].Has(Row::kLearns));
}
template <typename T, typename Block>
MILLRACE_HD void RunBackAlone(Team<T, Block>& team, int number) {
  if (!IsNext(team, number)) return;
  RunBack(team, RowNumber(team, number));
  team.For(1, [&](std::int64_t) { ++*team.work.done; });
}

// The rows of a message. `done` counts them, the one with a bad status included.
template <typename T, typename Block>
MILLRACE_HD void RunRows(Team<T, Block>& team) {
  const int end = team.work.first + team.work.count;
  int number = team.work.first;
  bool good = true;
  for (; good && number < end; ++number) good = RunRow(team, number);
  team.For(1, [&](std::int64_t) { *team.work.done = number - team.work.first; });
}

// The same with what is resident. team.work is NearWork of the one whose slot is `home`.
template <typename T, typename Block>
MILLRACE_HD void RunMessage(Team<T, Block>& team, const Slot<T>& home) {
  const bool stays = StaysNear(team.plan, team.work);
  if (stays) BringNear(team, home);
  RunRows(team);
  if (stays) BringHome(team, home);
}

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_STEP_H_
