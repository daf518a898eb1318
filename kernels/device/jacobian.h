// What dense sensitivities go on by: the recurrent weights' part of dstate/dh', and how far a
// modulator's pre-activations reach within a step.
#ifndef MILLRACE_KERNELS_DEVICE_JACOBIAN_H_
#define MILLRACE_KERNELS_DEVICE_JACOBIAN_H_

#include <cstdint>
#include <type_traits>

#include "kernels/device/team.h"
#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"

namespace millrace::kernels::device {

// Through a gate that sees r h': R[i, l] r_l + sum_k R[i, k] d(r h')_k/da_k M[k, l], M the
// modulator's weights. All units are in one block of c; `l` counts within it.
template <typename T, typename Block>
MILLRACE_HD T ThroughModulator(const Team<T, Block>& team, const GatePlan& gate, std::int64_t i,
                               int l) {
  const Shape& shape = team.plan.shape;
  const std::int64_t n = shape.n;
  const int c = shape.block_units;
  const std::int64_t first = i / c * c;
  const T* const theta = team.work.slot.weights.theta;
  const T* const weights = theta + gate.offset + i;
  const T* const modulator = theta + team.plan.tables.gates[gate.modulator].offset + l * n + first;
  const T* const gain = team.v.extra + n + first;
  const T* const slope = gain + n;
  T sum = weights[l * n] * gain[l];
  for (int k = 0; k < c; ++k) sum = MulAdd(weights[k * n] * slope[k], modulator[k], sum);
  return sum;
}

// An entry as products see it.
template <typename T, typename Block>
MILLRACE_HD T AsFactor(const Team<T, Block>& team, T entry) {
  if constexpr (std::is_same_v<T, float>) {
    if (team.plan.blocks.sensitivities == Sensitivities::kTf32) return team.block.Tf32(entry);
  }
  return entry;
}

// J [C, n, s]: row i holds the entries of the units of i's own block of s.
template <typename T, typename Block>
MILLRACE_HD void FillJacobian(Team<T, Block>& team) {
  const Plan<T>& plan = team.plan;
  const std::int64_t n = plan.shape.n;
  const int s = plan.blocks.s;
  team.For(plan.shape.components * n * s, [&](std::int64_t index) {
    const int l = static_cast<int>(index % s);
    const std::int64_t i = index / s % n;
    const int component = static_cast<int>(index / (s * n));
    // The same unit within the cell's block.
    const int j = static_cast<int>(i % plan.shape.block_units) / s * s + l;
    T sum = T(0);
    for (int k = 0; k < plan.shape.slopes; ++k) {
      const Pair pair = plan.tables.slope[k];
      const GatePlan& gate = plan.tables.gates[pair.from];
      if (pair.to != component || gate.recurrent == 0) continue;
      const T weight = gate.modulator == kNone
                           ? team.work.slot.weights.theta[gate.offset + j * n + i]
                           : ThroughModulator(team, gate, i, l);
      sum = MulAdd(team.v.slope[k * n + i], weight, sum);
    }
    team.work.slot.jacobian[index] = AsFactor(team, sum);
  });
}

// reach[c, i, l] = dstate[c, i]/da[l] of the modulator, within i's block of s units.
template <typename T, typename Block>
MILLRACE_HD void FillReach(Team<T, Block>& team) {
  const Plan<T>& plan = team.plan;
  const std::int64_t n = plan.shape.n;
  const int s = plan.blocks.s;
  if (!plan.shape.modulated) return;
  team.For(plan.shape.components * n * s, [&](std::int64_t index) {
    const int l = static_cast<int>(index % s);
    const std::int64_t i = index / s % n;
    const int component = static_cast<int>(index / (s * n));
    T sum = T(0);
    for (int k = 0; k < plan.shape.slopes; ++k) {
      const Pair pair = plan.tables.slope[k];
      const GatePlan& gate = plan.tables.gates[pair.from];
      if (pair.to != component || gate.modulator == kNone) continue;
      const T weight = team.work.slot.weights.theta[gate.offset + l * n + i];
      const T passed = team.v.extra[2 * n + i / s * s + l];
      sum = MulAdd(team.v.slope[k * n + i] * weight, passed, sum);
    }
    team.work.slot.reach[index] = sum;
  });
}

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_JACOBIAN_H_
