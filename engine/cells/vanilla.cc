#include "engine/cells/vanilla.h"

#include <algorithm>

#include "engine/cells/settings.h"
#include "kernels/ops.h"

namespace millrace::engine {
namespace {

Structure StructureOf(const PartSpec& part, std::int64_t inputs) {
  return {.n = part.Integer("units"),
          .d = inputs,
          .fed_back = 0,
          .gates = {{.recurrent = true, .input = true, .bias = true}},
          .carry = {{0, 0}},
          .slope = {{0, 0}}};
}

}  // namespace

PartDescription DescribeVanilla() {
  return {"cell",
          "vanilla",
          "Leaky tanh rate units, h = (1 - leak) h' + leak tanh(W h' + U x + b).",
          {UnitsSetting(),
           {.name = "leak",
            .minimum = 1e-6,
            .maximum = 1,
            .default_value = 1.0,
            .sentence = "dt/tau of every unit; 1 is the plain Elman network."},
           RecurrentGainSetting(),
           InputGainSetting()}};
}

template <typename T>
VanillaCell<T>::VanillaCell(const PartSpec& part, std::int64_t inputs)
    : GateCellBase<T>(StructureOf(part, inputs), 0),
      leak_(static_cast<T>(part.Number("leak"))),
      recurrent_gain_(part.Number("recurrent_gain")),
      input_gain_(part.Number("input_gain")) {}

template <typename T>
void VanillaCell<T>::Initialize(std::uint64_t seed, T* theta) const {
  this->InitializeGates(seed, recurrent_gain_, input_gain_, theta);
}

template <typename T>
void VanillaCell<T>::Units(const T* previous, CellStep<T>* step) const {
  const std::int64_t n = this->shape().n;
  kernels::LeakyTanh(step->preactivation(), previous, leak_, n, step->state(), step->slope());
  std::fill_n(step->carry(), n, T{1} - leak_);
}

template class VanillaCell<float>;
template class VanillaCell<double>;

}  // namespace millrace::engine
