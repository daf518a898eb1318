#include "engine/cells/elstm.h"

#include "engine/cells/gate_cell.h"
#include "engine/cells/settings.h"
#include "kernels/cells/elstm.h"

namespace millrace::engine {
namespace {

constexpr int kForget = 1;

Structure StructureOf(const PartSpec& part, std::int64_t inputs) {
  return {.n = part.Integer("units"),
          .d = inputs,
          .gates = {{.name = "candidate", .input = true, .bias = true},
                    {.name = "forget", .input = true, .bias = true},
                    {.name = "candidate_peephole", .own = true},
                    {.name = "forget_peephole", .own = true}}};
}

template <typename T>
class ElstmCell final : public GateCell<T, kernels::ElstmUnit<T>> {
 public:
  ElstmCell(const PartSpec& part, std::int64_t inputs)
      : GateCell<T, kernels::ElstmUnit<T>>(StructureOf(part, inputs)), part_(part) {}

  void Initialize(std::uint64_t seed, T* theta) const override {
    this->InitializeGates(seed, 0, part_.Number("input_gain"), theta);
    this->FillLastRow(kForget, part_.Number("forget_bias"), theta);
  }

 private:
  PartSpec part_;
};

}  // namespace

PartDescription DescribeElstm() {
  return {"cell",
          "elstm",
          "Element-wise LSTM: a unit sees the inputs and its own cell; exact to learn at the "
          "step's cost. Peepholes start at 0.",
          {UnitsSetting(), InputGainSetting(), ForgetBiasSetting()}};
}

template <typename T>
std::unique_ptr<Cell<T>> MakeElstm(const PartSpec& part, std::int64_t inputs) {
  return std::make_unique<ElstmCell<T>>(part, inputs);
}

template std::unique_ptr<Cell<float>> MakeElstm(const PartSpec&, std::int64_t);
template std::unique_ptr<Cell<double>> MakeElstm(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
