#include "engine/cells/slstm.h"

#include "engine/cells/forget_gate_cell.h"
#include "engine/cells/settings.h"
#include "kernels/cells/slstm.h"

namespace millrace::engine {
namespace {

constexpr int kOutput = 2;

Structure StructureOf(const PartSpec& part, std::int64_t inputs) {
  return {.n = part.Integer("units"),
          .d = inputs,
          .first_output = kOutput,
          .fed_back = kOutput,
          .blocks = part.Integer("heads"),
          .gates = FourGates()};
}

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
  return std::make_unique<ForgetGateCell<T, kernels::SlstmUnit<T>>>(StructureOf(part, inputs),
                                                                    part);
}

template std::unique_ptr<Cell<float>> MakeSlstm(const PartSpec&, std::int64_t);
template std::unique_ptr<Cell<double>> MakeSlstm(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
