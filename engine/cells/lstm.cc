#include "engine/cells/lstm.h"

#include "engine/cells/gate_cell.h"
#include "engine/cells/settings.h"
#include "kernels/cells/lstm.h"

namespace millrace::engine {
namespace {

constexpr int kForget = 1;

Structure StructureOf(const PartSpec& part, std::int64_t inputs) {
  return {
      .n = part.Integer("units"),
      .d = inputs,
      .first_output = 1,
      .fed_back = 1,
      .gates = {FullGate("input"), FullGate("forget"), FullGate("candidate"), FullGate("output")}};
}

template <typename T>
class LstmCell final : public GateCell<T, kernels::LstmUnit<T>> {
 public:
  LstmCell(const PartSpec& part, std::int64_t inputs)
      : GateCell<T, kernels::LstmUnit<T>>(StructureOf(part, inputs)), part_(part) {}

  void Initialize(std::uint64_t seed, T* theta) const override {
    this->InitializeGates(seed, part_.Number("recurrent_gain"), part_.Number("input_gain"), theta);
    this->FillLastRow(kForget, part_.Number("forget_bias"), theta);
  }

 private:
  PartSpec part_;
};

}  // namespace

PartDescription DescribeLstm() {
  return {"cell",
          "lstm",
          "LSTM: gated cells, and outputs that are fed back.",
          {UnitsSetting(), RecurrentGainSetting(), InputGainSetting(), ForgetBiasSetting()}};
}

template <typename T>
std::unique_ptr<Cell<T>> MakeLstm(const PartSpec& part, std::int64_t inputs) {
  return std::make_unique<LstmCell<T>>(part, inputs);
}

template std::unique_ptr<Cell<float>> MakeLstm(const PartSpec&, std::int64_t);
template std::unique_ptr<Cell<double>> MakeLstm(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
