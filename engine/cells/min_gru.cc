#include "engine/cells/min_gru.h"

#include "engine/cells/gate_cell.h"
#include "engine/cells/settings.h"
#include "kernels/cells/min_gru.h"

namespace millrace::engine {
namespace {

Structure StructureOf(const PartSpec& part, std::int64_t inputs) {
  return {.n = part.Integer("units"),
          .d = inputs,
          .gates = {{.name = "update", .input = true, .bias = true},
                    {.name = "candidate", .input = true, .bias = true}}};
}

template <typename T>
class MinGruCell final : public GateCell<T, kernels::MinGruUnit<T>> {
 public:
  MinGruCell(const PartSpec& part, std::int64_t inputs)
      : GateCell<T, kernels::MinGruUnit<T>>(StructureOf(part, inputs),
                                            {.positive = part.Text("activation") == "positive"}),
        input_gain_(part.Number("input_gain")) {}

  void Initialize(std::uint64_t seed, T* theta) const override {
    this->InitializeGates(seed, 0, input_gain_, theta);
  }

 private:
  double input_gain_;
};

}  // namespace

PartDescription DescribeMinGru() {
  return {"cell",
          "min_gru",
          "minGRU, h = (1 - z) h' + z g(W x + b) with z = sigmoid(V x + c); exact to learn at the "
          "step's cost.",
          {UnitsSetting(),
           {.name = "activation",
            .type = SettingType::kText,
            .choices = {"identity", "positive"},
            .default_value = std::string("identity"),
            .sentence = "g: the identity, or a + 1/2 from 0 on and sigmoid(a) below, which keeps h "
                        "positive."},
           InputGainSetting()}};
}

template <typename T>
std::unique_ptr<Cell<T>> MakeMinGru(const PartSpec& part, std::int64_t inputs) {
  return std::make_unique<MinGruCell<T>>(part, inputs);
}

template std::unique_ptr<Cell<float>> MakeMinGru(const PartSpec&, std::int64_t);
template std::unique_ptr<Cell<double>> MakeMinGru(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
