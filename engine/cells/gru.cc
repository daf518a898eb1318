#include "engine/cells/gru.h"

#include <utility>

#include "engine/cells/gate_cell.h"
#include "engine/cells/settings.h"
#include "kernels/cells/gru.h"

namespace millrace::engine {
namespace {

constexpr int kReset = 0;

Structure StructureOf(const PartSpec& part, std::int64_t inputs, std::vector<Gate> candidate) {
  Structure structure = {.n = part.Integer("units"),
                         .d = inputs,
                         .fed_back = 0,
                         .gates = {FullGate("reset"), FullGate("update")}};
  for (Gate& gate : candidate) structure.gates.push_back(std::move(gate));
  return structure;
}

template <typename T, typename Unit>
class GruCell final : public GateCell<T, Unit> {
 public:
  GruCell(const PartSpec& part, const Structure& structure)
      : GateCell<T, Unit>(structure), part_(part) {}

  void Initialize(std::uint64_t seed, T* theta) const override {
    this->InitializeGates(seed, part_.Number("recurrent_gain"), part_.Number("input_gain"), theta);
  }

 private:
  PartSpec part_;
};

}  // namespace

PartDescription DescribeGru() {
  return {
      "cell",
      "gru",
      "GRU, h = (1 - z) n + z h', in both places of the reset.",
      {UnitsSetting(),
       {.name = "reset",
        .type = SettingType::kText,
        .choices = {"after", "before"},
        .default_value = std::string("after"),
        .sentence = "after: the reset multiplies the candidate's recurrent sum, as in cuDNN and "
                    "PyTorch; before: it multiplies what is fed back, as first published."},
       RecurrentGainSetting(),
       InputGainSetting()}};
}

template <typename T>
std::unique_ptr<Cell<T>> MakeGru(const PartSpec& part, std::int64_t inputs) {
  if (part.Text("reset") == "after") {
    return std::make_unique<GruCell<T, kernels::GruAfterUnit<T>>>(
        part, StructureOf(part, inputs,
                          {{.name = "candidate_input", .input = true, .bias = true},
                           {.name = "candidate_recurrent", .recurrent = true, .bias = true}}));
  }
  return std::make_unique<GruCell<T, kernels::GruBeforeUnit<T>>>(
      part, StructureOf(part, inputs,
                        {{.name = "candidate",
                          .recurrent = true,
                          .input = true,
                          .bias = true,
                          .modulator = kReset}}));
}

template std::unique_ptr<Cell<float>> MakeGru(const PartSpec&, std::int64_t);
template std::unique_ptr<Cell<double>> MakeGru(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
