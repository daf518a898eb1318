#include "engine/cells/block_gru.h"

#include "engine/cells/gate_cell.h"
#include "engine/cells/settings.h"
#include "kernels/cells/block_gru.h"

namespace millrace::engine {
namespace {

Structure StructureOf(const PartSpec& part, std::int64_t inputs) {
  return {.n = part.Integer("units"),
          .d = inputs,
          .fed_back = 0,
          .blocks = part.Integer("blocks"),
          .gates = {FullGate("reset"), FullGate("candidate"), FullGate("update")}};
}

template <typename T>
class BlockGruCell final : public GateCell<T, kernels::BlockGruUnit<T>> {
 public:
  BlockGruCell(const PartSpec& part, std::int64_t inputs)
      : GateCell<T, kernels::BlockGruUnit<T>>(StructureOf(part, inputs)), part_(part) {}

  void Initialize(std::uint64_t seed, T* theta) const override {
    this->InitializeGates(seed, part_.Number("recurrent_gain"), part_.Number("input_gain"), theta);
  }

 private:
  PartSpec part_;
};

}  // namespace

PartDescription DescribeBlockGru() {
  return {"cell",
          "block_gru",
          "GRU with recurrent weights within blocks of units.",
          {UnitsSetting(), GroupsSetting("blocks"), RecurrentGainSetting(), InputGainSetting()}};
}

absl::Status CheckBlockGru(const PartSpec& part) { return CheckUnitsDivide(part, "blocks"); }

template <typename T>
std::unique_ptr<Cell<T>> MakeBlockGru(const PartSpec& part, std::int64_t inputs) {
  return std::make_unique<BlockGruCell<T>>(part, inputs);
}

template std::unique_ptr<Cell<float>> MakeBlockGru(const PartSpec&, std::int64_t);
template std::unique_ptr<Cell<double>> MakeBlockGru(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
