#include "engine/cells/vanilla.h"

#include <algorithm>

#include "engine/cells/gate_cell.h"
#include "engine/cells/settings.h"
#include "kernels/ops.h"

namespace millrace::engine {
namespace {

template <typename T>
class VanillaCell final : public GateCellBase<T> {
 public:
  VanillaCell(const PartSpec& part, std::int64_t inputs)
      : GateCellBase<T>({.n = part.Integer("units"),
                         .d = inputs,
                         .fed_back = 0,
                         .gates = {{.recurrent = true, .input = true, .bias = true}},
                         .carry = {{0, 0}},
                         .slope = {{0, 0}}},
                        0),
        leak_(static_cast<T>(part.Number("leak"))),
        recurrent_gain_(part.Number("recurrent_gain")),
        input_gain_(part.Number("input_gain")) {}

  void Initialize(std::uint64_t seed, T* theta) const override {
    this->InitializeGates(seed, recurrent_gain_, input_gain_, theta);
  }

 private:
  // A vector operation of the kernels in place of a loop over units.
  void Units(const T* previous, CellStep<T>* step) const override {
    const std::int64_t n = this->shape().n;
    kernels::LeakyTanh(step->preactivation(), previous, leak_, n, step->state(), step->slope());
    std::fill_n(step->carry(), n, T{1} - leak_);
  }

  T leak_;
  double recurrent_gain_, input_gain_;
};

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
std::unique_ptr<Cell<T>> MakeVanilla(const PartSpec& part, std::int64_t inputs) {
  return std::make_unique<VanillaCell<T>>(part, inputs);
}

template std::unique_ptr<Cell<float>> MakeVanilla(const PartSpec&, std::int64_t);
template std::unique_ptr<Cell<double>> MakeVanilla(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
