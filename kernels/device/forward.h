// The forward pass of one step: fan-in, pre-activations, the units, the linear head.
#ifndef MILLRACE_KERNELS_DEVICE_FORWARD_H_
#define MILLRACE_KERNELS_DEVICE_FORWARD_H_

#include <cstdint>

#include "kernels/device/team.h"
#include "kernels/device/units.h"
#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"
#include "kernels/steps/units.h"

namespace millrace::kernels::device {

// What a gate meets of the units and of the input: x [d], or null where the input is a byte.
template <typename T>
struct Seen {
  const T* hidden;  // [S] before the step
  const T* x;
  int byte;
};

template <typename T, typename Block>
MILLRACE_HD void FillFanIn(Team<T, Block>& team, const Seen<T>& seen) {
  const Shape& shape = team.plan.shape;
  T* const fan_in = team.v.fan_in;
  const std::int64_t first = shape.fed_back == kNone ? 0 : std::int64_t{shape.fed_back} * shape.n;
  const T* const fed_back = seen.hidden + first;
  team.For(shape.n + shape.d + 1, [&](std::int64_t i) {
    if (i < shape.n) {
      if (shape.fed_back != kNone) fan_in[i] = fed_back[i];
    } else if (i < shape.n + shape.d) {
      const std::int64_t channel = i - shape.n;
      fan_in[i] = seen.x != nullptr ? seen.x[channel] : (channel == seen.byte ? T(1) : T(0));
    } else {
      fan_in[i] = T(1);
    }
  });
}

// a[g, i], summed over fed-back units, then inputs, then the 1, each in rising order.
template <typename T, typename Block>
MILLRACE_HD T Preactivation(const Team<T, Block>& team, const Seen<T>& seen, int gate_number,
                            int i) {
  const Shape& shape = team.plan.shape;
  const GatePlan& gate = team.plan.tables.gates[gate_number];
  const std::int64_t n = shape.n;
  const T* weights = team.work.slot.weights.theta + gate.offset + i;
  const T* const fed_back = (gate.modulator == kNone ? team.v.fan_in : team.v.extra) +
                            i / shape.block_units * shape.block_units;
  T a = T(0);
  for (int j = 0; j < gate.recurrent; ++j) a = MulAdd(weights[j * n], fed_back[j], a);
  weights += gate.recurrent * n;
  const T* const input = team.v.fan_in + n;
  if (seen.x != nullptr) {
    for (int j = 0; j < gate.input; ++j) a = MulAdd(weights[j * n], input[j], a);
  } else if (gate.input > 0 && seen.byte != kNone) {
    a += weights[seen.byte * n];
  }
  if (gate.last > 0) a += weights[gate.input * n];
  return a;
}

// The gates that see a modulated view (or not) of what is fed back.
template <typename T, typename Block>
MILLRACE_HD void Preactivations(Team<T, Block>& team, const Seen<T>& seen, bool modulated) {
  const int n = team.plan.shape.n;
  team.For(std::int64_t{team.plan.shape.gates} * n, [&](std::int64_t index) {
    const int gate = static_cast<int>(index) / n;
    if ((team.plan.tables.gates[gate].modulator != kNone) != modulated) return;
    team.v.preactivation[index] =
        Preactivation(team, seen, gate, static_cast<int>(index) - gate * n);
  });
}

// r h', r and d(r h')/da of the one modulator.
template <typename T, typename Block>
MILLRACE_HD void RunModulator(Team<T, Block>& team) {
  const Shape& shape = team.plan.shape;
  int modulator = 0;
  while (!team.plan.tables.gates[modulator].modulates) ++modulator;
  T* const extra = team.v.extra;
  const steps::Modulate<T> modulate = {team.v.preactivation + std::int64_t{modulator} * shape.n,
                                       team.v.fan_in,
                                       shape.n,
                                       extra,
                                       extra + shape.n,
                                       extra + 2 * shape.n};
  team.For(shape.n, modulate);
}

// y = V f + b, summed in rising order.
template <typename T, typename Block>
MILLRACE_HD void RunHead(Team<T, Block>& team, T* emitted) {
  const Shape& shape = team.plan.shape;
  const T* const readout = team.work.slot.weights.theta + shape.cell_parameters;
  const T* const features = team.v.features(shape);
  const std::int64_t m = shape.m;
  const int outputs = shape.outputs();
  team.For(m, [&](std::int64_t k) {
    T y = T(0);
    for (int j = 0; j < outputs; ++j) y = MulAdd(readout[j * m + k], features[j], y);
    if (team.plan.readout_bias) y += readout[outputs * m + k];
    team.v.y[k] = y;
    if (emitted != nullptr) emitted[k] = y;
  });
}

// From the state before to everything that the step leaves behind; false where the state is not
// finite, the outputs then being those of that state.
template <typename T, typename Block>
MILLRACE_HD bool RunForward(Team<T, Block>& team, const Seen<T>& seen, T* emitted) {
  FillFanIn(team, seen);
  Preactivations(team, seen, false);
  if (team.plan.shape.modulated) {
    RunModulator(team);
    Preactivations(team, seen, true);
  }
  const bool finite = RunUnits(team, seen.hidden);
  RunHead(team, emitted);
  return finite;
}

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_FORWARD_H_
