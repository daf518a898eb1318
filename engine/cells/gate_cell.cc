#include "engine/cells/gate_cell.h"

#include <algorithm>

#include "engine/cells/derivatives.h"
#include "engine/check.h"
#include "kernels/math/sqrt.h"
#include "kernels/ops.h"
#include "kernels/units.h"

namespace millrace::engine {
namespace {

// Every gate has generators of its own: a gate more leaves the others' initial values.
enum Purpose : std::uint64_t { kRecurrentRows = 0, kInputRows = 1, kLastRow = 2, kPurposes = 16 };

Random GeneratorOf(std::uint64_t seed, std::uint64_t gate, Purpose purpose) {
  return Random(seed, gate * kPurposes + purpose);
}

std::string BlockName(const Gate& gate, const char* part) {
  return gate.name.empty() ? part : gate.name + "." + part;
}

StepShape ShapeOf(const Structure& structure, std::int64_t auxiliary) {
  const std::int64_t n = structure.n;
  const auto count = [](const auto& list) { return static_cast<std::int64_t>(list.size()); };
  StepShape shape;
  shape.fan_in = structure.components * n + auxiliary;
  shape.preactivation = shape.fan_in + n + structure.views * structure.d + 1;
  shape.carry = shape.preactivation + count(structure.gates) * n;
  shape.slope = shape.carry + count(structure.carry) * n;
  shape.extra = shape.slope + count(structure.slope) * n;
  shape.size = shape.extra + (structure.unit_local() ? 0 : 3 * n);
  return shape;
}

Structure WithOffsets(Structure structure) {
  std::int64_t offset = 0;
  for (Gate& gate : structure.gates) {
    gate.offset = offset;
    offset += structure.rows(gate) * structure.n;
  }
  return structure;
}

}  // namespace

template <typename T>
GateCellBase<T>::GateCellBase(Structure structure, std::int64_t auxiliary)
    : structure_(WithOffsets(std::move(structure))),
      shape_(ShapeOf(structure_, auxiliary)),
      auxiliary_(auxiliary) {
  MILLRACE_CHECK(structure_.n % structure_.blocks == 0);
}

template <typename T>
void GateCellBase<T>::AddBlocks(ParameterLayout* layout) const {
  for (const Gate& gate : structure_.gates) {
    const std::int64_t n = structure_.n;
    if (gate.recurrent) {
      layout->Add({.name = BlockName(gate, "recurrent"),
                   .group = Group::kRecurrent,
                   .rows = structure_.block_units(),
                   .width = n});
    }
    if (gate.input) {
      layout->Add({.name = BlockName(gate, "input"),
                   .group = Group::kInput,
                   .rows = structure_.d,
                   .width = n,
                   .rows_wait = true});
    }
    if (gate.bias) {
      layout->Add({.name = BlockName(gate, "bias"), .group = Group::kBias, .rows = 1, .width = n});
    }
    if (gate.own) {
      layout->Add({.name = gate.name, .group = Group::kDynamics, .rows = 1, .width = n});
    }
  }
}

template <typename T>
void GateCellBase<T>::InitializeGates(std::uint64_t seed, double recurrent_gain, double input_gain,
                                      T* theta) const {
  std::fill_n(theta, structure_.parameters(), T{0});
  for (std::size_t g = 0; g < structure_.gates.size(); ++g) {
    const Gate& gate = structure_.gates[g];
    const std::int64_t recurrent = structure_.recurrent_rows(gate);
    T* const weights = theta + gate.offset;
    if (recurrent > 0) {
      Random random = GeneratorOf(seed, g, kRecurrentRows);
      random.FillNormal(recurrent_gain / kernels::Sqrt(static_cast<double>(recurrent)),
                        recurrent * structure_.n, weights);
    }
    if (gate.input) {
      Random random = GeneratorOf(seed, g, kInputRows);
      random.FillNormal(input_gain / kernels::Sqrt(static_cast<double>(structure_.d)),
                        structure_.d * structure_.n, weights + recurrent * structure_.n);
    }
  }
}

template <typename T>
T* GateCellBase<T>::LastRow(int gate, T* theta) const {
  const Gate& of = structure_.gates[static_cast<std::size_t>(gate)];
  return theta + of.offset + (structure_.rows(of) - 1) * structure_.n;
}

template <typename T>
Random GateCellBase<T>::RowGenerator(std::uint64_t seed, int gate) {
  return GeneratorOf(seed, static_cast<std::uint64_t>(gate), kLastRow);
}

template <typename T>
void GateCellBase<T>::FillLastRow(int gate, double value, T* theta) const {
  std::fill_n(LastRow(gate, theta), structure_.n, static_cast<T>(value));
}

template <typename T>
void GateCellBase<T>::FillViews(const T*, const CellInput<T>& input, const T*,
                                CellStep<T>* step) const {
  T* const x = view(step, 0);
  if (input.dense != nullptr) {
    std::copy_n(input.dense, structure_.d, x);
    step->one_hot = false;
    step->byte = kNoByte;
    return;
  }
  // One number of a one-hot view changes; a step that was not one-hot left others behind.
  if (!step->one_hot) std::fill_n(x, structure_.d, T{0});
  if (step->byte != kNoByte) x[step->byte] = T{0};
  if (input.byte != kNoByte) x[input.byte] = T{1};
  step->one_hot = true;
  step->byte = input.byte;
}

template <typename T>
void GateCellBase<T>::GatePreactivation(const T* theta, const Gate& gate, const CellStep<T>& step,
                                        T* a) const {
  const std::int64_t n = structure_.n;
  const FanIn<T> fan_in = FanInOf(structure_, step, gate);
  const T* weights = theta + gate.offset;
  if (gate.recurrent) {
    BlockProduct(structure_, weights, fan_in.fed_back, a);
    weights += structure_.recurrent_rows(gate) * n;
  } else {
    std::fill_n(a, n, T{0});
  }
  if (gate.input) {
    if (!step.one_hot) {
      kernels::AddMatVec(weights, fan_in.input, structure_.d, n, a);
    } else if (step.byte != kNoByte) {
      kernels::AddScaled(weights + step.byte * n, T{1}, n, a);
    }
    weights += structure_.d * n;
  }
  if (fan_in.one != nullptr) kernels::AddScaled(weights, T{1}, n, a);
}

// r * h' for the gates that see it; r's own pre-activation is there.
template <typename T>
void GateCellBase<T>::Modulate(int gate, CellStep<T>* step) const {
  const std::int64_t n = structure_.n;
  T* const view = step->extra();
  kernels::Modulate(step->preactivation() + gate * n, step->fan_in(), n, view, view + n,
                    view + 2 * n);
}

template <typename T>
void GateCellBase<T>::Preactivations(const T* theta, CellStep<T>* step) const {
  const auto each = [&](bool modulated) {
    for (std::size_t g = 0; g < structure_.gates.size(); ++g) {
      const Gate& gate = structure_.gates[g];
      if ((gate.modulator != kNone) != modulated) continue;
      if (modulated) Modulate(gate.modulator, step);
      GatePreactivation(theta, gate, *step,
                        step->preactivation() + static_cast<std::int64_t>(g) * structure_.n);
    }
  };
  each(false);
  if (!structure_.unit_local()) each(true);
}

template <typename T>
void GateCellBase<T>::FillFanIn(const T* theta, const CellInput<T>& input, const T* previous,
                                CellStep<T>* step) const {
  const std::int64_t n = structure_.n;
  if (structure_.fed_back != kNone) {
    std::copy_n(previous + structure_.fed_back * n, n, step->fan_in());
  }
  FillViews(theta, input, previous, step);
  step->fan_in()[n + structure_.views * structure_.d] = T{1};
}

template <typename T>
void GateCellBase<T>::Forward(const T* theta, const CellInput<T>& input, const T* previous,
                              CellStep<T>* step) const {
  FillFanIn(theta, input, previous, step);
  Preactivations(theta, step);
  Units(previous, step);
}

template <typename T>
void GateCellBase<T>::BeginForward(const CellInput<T>& input, const T* previous, CellStep<T>* step,
                                   std::vector<NextMap<T>>* maps) const {
  const std::int64_t n = structure_.n;
  FillFanIn(nullptr, input, previous, step);
  std::fill_n(step->preactivation(), static_cast<std::int64_t>(structure_.gates.size()) * n, T{0});
  maps->clear();
  T* sums = step->preactivation();
  for (const Gate& gate : structure_.gates) {
    const FanIn<T> fan_in = FanInOf(structure_, *step, gate);
    std::int64_t offset = gate.offset;
    const auto add = [&](std::int64_t rows, const T* x, std::int64_t one) {
      maps->push_back({offset, rows, n, x, one, sums});
      offset += rows * n;
    };
    if (gate.recurrent) add(n, fan_in.fed_back, kNoByte);
    if (gate.input) add(structure_.d, step->one_hot ? nullptr : fan_in.input, step->byte);
    if (fan_in.one != nullptr) add(1, fan_in.one, kNoByte);
    sums += n;
  }
}

template <typename T>
std::int64_t GateCellBase<T>::scratch_size() const {
  return (static_cast<std::int64_t>(structure_.gates.size()) + 3) * structure_.n;
}

template <typename T>
void GateCellBase<T>::ImmediateGradient(const T* theta, const CellStep<T>& step, const T* ds,
                                        bool sparse, T* scratch, T* g) const {
  T* const delta = scratch + 3 * structure_.n;
  GateDeltas(structure_, theta, step, ds, scratch, delta);
  GateGradient(structure_, step, delta, sparse, g);
}

template <typename T>
void GateCellBase<T>::ImmediateAsOuter(const T* theta, const CellStep<T>& step, const T* ds,
                                       T* scratch, std::vector<OuterGradient<T>>* outer) const {
  const std::int64_t n = structure_.n;
  T* delta = scratch + 3 * n;
  GateDeltas(structure_, theta, step, ds, scratch, delta);
  for (const Gate& gate : structure_.gates) {
    const FanIn<T> fan_in = FanInOf(structure_, step, gate);
    std::int64_t offset = gate.offset;
    const auto add = [&](const T* x, std::int64_t rows) {
      outer->push_back({offset, rows, n, x, delta});
      offset += rows * n;
    };
    if (gate.recurrent) add(fan_in.fed_back, structure_.n);
    if (gate.input) add(fan_in.input, structure_.d);
    if (fan_in.one != nullptr) add(fan_in.one, 1);
    delta += n;
  }
}

template <typename T>
void GateCellBase<T>::BackState(const T* theta, const CellStep<T>& step, const T* ds, T* scratch,
                                T* before) const {
  const std::int64_t n = structure_.n;
  std::fill_n(before, structure_.components * n, T{0});
  for (std::size_t k = 0; k < structure_.carry.size(); ++k) {
    const T* const carry = step.carry() + static_cast<std::int64_t>(k) * n;
    const T* const from = ds + structure_.carry[k].to * n;
    T* const to = before + structure_.carry[k].from * n;
    for (std::int64_t i = 0; i < n; ++i) to[i] += carry[i] * from[i];
  }
  if (structure_.fed_back == kNone) return;
  T* const delta = scratch + 3 * n;
  T* const fed_back = before + structure_.fed_back * n;
  GateDeltas(structure_, theta, step, ds, scratch, delta);
  for (std::size_t g = 0; g < structure_.gates.size(); ++g) {
    const Gate& gate = structure_.gates[g];
    if (!gate.recurrent) continue;
    const T* const own = delta + static_cast<std::int64_t>(g) * n;
    if (gate.modulator == kNone) {
      AddTransposedBlockProduct(structure_, theta + gate.offset, own, scratch, fed_back);
      continue;
    }
    T* const through = scratch + n;
    std::fill_n(through, n, T{0});
    AddTransposedBlockProduct(structure_, theta + gate.offset, own, scratch, through);
    const T* const gain = step.extra() + n;
    for (std::int64_t i = 0; i < n; ++i) fed_back[i] += gain[i] * through[i];
  }
}

template <typename T>
void GateCellBase<T>::ForwardState(const T* theta, const CellStep<T>& step, const T* tangent,
                                   T* scratch, T* after) const {
  const std::int64_t n = structure_.n;
  std::fill_n(after, structure_.components * n, T{0});
  for (std::size_t k = 0; k < structure_.carry.size(); ++k) {
    const T* const carry = step.carry() + static_cast<std::int64_t>(k) * n;
    const T* const from = tangent + structure_.carry[k].from * n;
    T* const to = after + structure_.carry[k].to * n;
    for (std::int64_t i = 0; i < n; ++i) to[i] += carry[i] * from[i];
  }
  if (structure_.fed_back == kNone) return;
  // Tangents of the pre-activations, those of the modulator first.
  T* const da = scratch + 3 * n;
  const T* const fed_back = tangent + structure_.fed_back * n;
  const auto each = [&](bool modulated) {
    for (std::size_t g = 0; g < structure_.gates.size(); ++g) {
      const Gate& gate = structure_.gates[g];
      T* const own = da + static_cast<std::int64_t>(g) * n;
      if (!gate.recurrent) {
        if (!modulated) std::fill_n(own, n, T{0});
        continue;
      }
      if ((gate.modulator != kNone) != modulated) continue;
      const T* seen = fed_back;
      if (modulated) {
        const T* const gain = step.extra() + n;
        const T* const slope = gain + n;
        const T* const modulator = da + gate.modulator * n;
        for (std::int64_t i = 0; i < n; ++i) {
          scratch[i] = gain[i] * fed_back[i] + slope[i] * modulator[i];
        }
        seen = scratch;
      }
      BlockProduct(structure_, theta + gate.offset, seen, own);
    }
  };
  each(false);
  if (!structure_.unit_local()) each(true);
  for (std::size_t k = 0; k < structure_.slope.size(); ++k) {
    const T* const slope = step.slope() + static_cast<std::int64_t>(k) * n;
    const T* const from = da + structure_.slope[k].from * n;
    T* const to = after + structure_.slope[k].to * n;
    for (std::int64_t i = 0; i < n; ++i) to[i] += slope[i] * from[i];
  }
}

template class GateCellBase<float>;
template class GateCellBase<double>;

}  // namespace millrace::engine
