// Gate cells with the four gates of an LSTM: input, forget, candidate and output. The bias of the
// forget gate is a setting.
#ifndef MILLRACE_ENGINE_CELLS_FORGET_GATE_CELL_H_
#define MILLRACE_ENGINE_CELLS_FORGET_GATE_CELL_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "engine/cells/gate_cell.h"
#include "engine/spec.h"

namespace millrace::engine {

inline std::vector<Gate> FourGates() {
  return {FullGate("input"), FullGate("forget"), FullGate("candidate"), FullGate("output")};
}

// part has recurrent_gain, input_gain and forget_bias.
template <typename T, typename Unit>
class ForgetGateCell final : public GateCell<T, Unit> {
 public:
  ForgetGateCell(Structure structure, const PartSpec& part)
      : GateCell<T, Unit>(std::move(structure)), part_(part) {}

  void Initialize(std::uint64_t seed, T* theta) const override {
    constexpr int kForget = 1;
    this->InitializeGates(seed, part_.Number("recurrent_gain"), part_.Number("input_gain"), theta);
    this->FillLastRow(kForget, part_.Number("forget_bias"), theta);
  }

 private:
  PartSpec part_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_FORGET_GATE_CELL_H_
