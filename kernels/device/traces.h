// Traces: the sensitivities of a unit's own components to its own parameters, swept in place.
//   E[c, g, j, i] = sum_c' K[c, c', i] E[c', g, j, i] + slope[c, g, i] f_g[j]
//   G[g, j, i] = sum_c q[c, i] E[c, g, j, i] over the outputs c
// with K a decay, the cell's own carry (Murray 2019), or the carry and the unit's own recurrent
// weight (Menick et al. 2021; exact where no unit reaches another). One read and one write of E.
#ifndef MILLRACE_KERNELS_DEVICE_TRACES_H_
#define MILLRACE_KERNELS_DEVICE_TRACES_H_

#include <cstdint>

#include "kernels/device/team.h"
#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"

namespace millrace::kernels::device {

// K [couplings, n]: the carry's pairs first, in their own order.
template <typename T, typename Block>
MILLRACE_HD void FillCoupling(Team<T, Block>& team) {
  const Plan<T>& plan = team.plan;
  const Shape& shape = plan.shape;
  const std::int64_t n = shape.n;
  const T decay = team.work.settings.decay;
  team.For(plan.couplings * n, [&](std::int64_t index) {
    const int number = static_cast<int>(index) / shape.n;
    const std::int64_t i = index - number * n;
    if (plan.coupling == Coupling::kDecay) {
      team.v.coupling[index] = decay;
      return;
    }
    T value = number < shape.carries ? team.v.carry[index] : T(0);
    const Pair at = plan.tables.coupling[number];
    for (int k = 0; plan.coupling == Coupling::kOwnUnit && k < shape.slopes; ++k) {
      const Pair slope = plan.tables.slope[k];
      const GatePlan& gate = plan.tables.gates[slope.from];
      if (gate.recurrent == 0 || at.to != slope.to || at.from != shape.fed_back) continue;
      const T own = team.work.slot.weights.theta[gate.offset + i % shape.block_units * n + i];
      value = MulAdd(team.v.slope[k * n + i], own, value);
    }
    team.v.coupling[index] = value;
  });
}

// What row j of a gate meets in unit i.
template <typename T, typename Block>
MILLRACE_HD T FanInAt(const Team<T, Block>& team, const GatePlan& gate, int j, std::int64_t i) {
  const Shape& shape = team.plan.shape;
  if (j < gate.recurrent) {
    const T* const fed_back = gate.modulator == kNone ? team.v.fan_in : team.v.extra;
    return fed_back[i / shape.block_units * shape.block_units + j];
  }
  j -= gate.recurrent;
  return j < gate.input ? team.v.fan_in[shape.n + j] : T(1);
}

// Advances the traces of the weight from row j of a gate to unit i, and returns its gradient.
template <typename T, typename Block>
MILLRACE_HD T AdvanceTraces(const Team<T, Block>& team, int gate_number, int j, std::int64_t i) {
  const Plan<T>& plan = team.plan;
  const std::int64_t n = plan.shape.n;
  const GateTraces& own = plan.tables.gate_traces[gate_number];
  const TraceEntry* const entries = plan.tables.entries + own.first;
  const T x = FanInAt(team, plan.tables.gates[gate_number], j, i);
  T* const traces = team.work.slot.rule + j * n + i;
  const T scale = team.work.settings.trace_scale;
  T before[kMaxComponents];
  for (int e = 0; e < own.count; ++e) before[e] = traces[entries[e].offset];
  T gradient = T(0);
  for (int e = 0; e < own.count; ++e) {
    const TraceEntry& entry = entries[e];
    T next = entry.slope == kNone ? T(0) : scale * team.v.slope[entry.slope * n + i] * x;
    for (int k = entry.first_source; k < entry.first_source + entry.sources; ++k) {
      const TraceSource source = plan.tables.sources[k];
      next = MulAdd(team.v.coupling[source.coupling * n + i], before[source.entry], next);
    }
    traces[entry.offset] = next;
    if (entry.component < plan.shape.first_output) continue;
    gradient =
        MulAdd(team.v.q[(entry.component - plan.shape.first_output) * n + i], next, gradient);
  }
  return gradient;
}

// The gradient of the same weight from the traces as they are.
template <typename T, typename Block>
MILLRACE_HD T ContractTraces(const Team<T, Block>& team, int gate_number, int j, std::int64_t i) {
  const Plan<T>& plan = team.plan;
  const std::int64_t n = plan.shape.n;
  const GateTraces& own = plan.tables.gate_traces[gate_number];
  const T* const traces = team.work.slot.rule + j * n + i;
  T gradient = T(0);
  for (int e = own.first; e < own.first + own.count; ++e) {
    const TraceEntry& entry = plan.tables.entries[e];
    if (entry.component < plan.shape.first_output) continue;
    gradient = MulAdd(team.v.q[(entry.component - plan.shape.first_output) * n + i],
                      traces[entry.offset], gradient);
  }
  return gradient;
}

// Takes the step in; take(t, gate, j, g) sees each new gradient g as thread t forms it.
template <typename T, typename Block, typename Take>
MILLRACE_HD void SweepTraces(const Team<T, Block>& team, int t, const Take& take) {
  for (int g = 0; g < team.plan.shape.gates; ++g) {
    const GatePlan& gate = team.plan.tables.gates[g];
    EachPair(t, gate.recurrent + gate.input + gate.last, team.plan.shape.n,
             [&](int j, int i) { take(g, j, AdvanceTraces(team, g, j, i)); });
  }
}

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_TRACES_H_
