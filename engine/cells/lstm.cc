#include "engine/cells/lstm.h"

#include "engine/cells/forget_gate_cell.h"
#include "engine/cells/settings.h"
#include "kernels/cells/lstm.h"

namespace millrace::engine {
namespace {

Structure StructureOf(const PartSpec& part, std::int64_t inputs) {
  return {.n = part.Integer("units"),
          .d = inputs,
          .first_output = 1,
          .fed_back = 1,
          .gates = FourGates()};
}

}  // namespace

PartDescription DescribeLstm() {
  return {"cell",
          "lstm",
          "LSTM: gated cells, and outputs that are fed back.",
          {UnitsSetting(), RecurrentGainSetting(), InputGainSetting(), ForgetBiasSetting()}};
}

template <typename T>
std::unique_ptr<Cell<T>> MakeLstm(const PartSpec& part, std::int64_t inputs) {
  return std::make_unique<ForgetGateCell<T, kernels::LstmUnit<T>>>(StructureOf(part, inputs), part);
}

template std::unique_ptr<Cell<float>> MakeLstm(const PartSpec&, std::int64_t);
template std::unique_ptr<Cell<double>> MakeLstm(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
