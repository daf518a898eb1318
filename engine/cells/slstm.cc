#include "engine/cells/slstm.h"

#include "engine/cells/gate_cell.h"
#include "engine/cells/settings.h"
#include "kernels/cells/slstm.h"

namespace millrace::engine {
namespace {

constexpr int kForget = 1;
constexpr int kOutput = 2;

Structure StructureOf(const PartSpec& part, std::int64_t inputs) {
  return {
      .n = part.Integer("units"),
      .d = inputs,
      .first_output = kOutput,
      .fed_back = kOutput,
      .blocks = part.Integer("heads"),
      .gates = {FullGate("input"), FullGate("forget"), FullGate("candidate"), FullGate("output")}};
}

template <typename T>
class SlstmCell final : public GateCell<T, kernels::SlstmUnit<T>> {
 public:
  SlstmCell(const PartSpec& part, std::int64_t inputs)
      : GateCell<T, kernels::SlstmUnit<T>>(StructureOf(part, inputs)), part_(part) {}

  void Initialize(std::uint64_t seed, T* theta) const override {
    this->InitializeGates(seed, part_.Number("recurrent_gain"), part_.Number("input_gain"), theta);
    this->FillLastRow(kForget, part_.Number("forget_bias"), theta);
  }

 private:
  PartSpec part_;
};

}  // namespace

PartDescription DescribeSlstm() {
  return {"cell",
          "slstm",
          "sLSTM: an exponential input gate with a normaliser, recurrent weights within heads.",
          {UnitsSetting(), GroupsSetting("heads"), RecurrentGainSetting(), InputGainSetting(),
           ForgetBiasSetting()}};
}

absl::Status CheckSlstm(const PartSpec& part) { return CheckUnitsDivide(part, "heads"); }

template <typename T>
std::unique_ptr<Cell<T>> MakeSlstm(const PartSpec& part, std::int64_t inputs) {
  return std::make_unique<SlstmCell<T>>(part, inputs);
}

template std::unique_ptr<Cell<float>> MakeSlstm(const PartSpec&, std::int64_t);
template std::unique_ptr<Cell<double>> MakeSlstm(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
