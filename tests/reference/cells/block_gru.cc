// Block-diagonal GRU after DreamerV3 (Hafner et al. 2023), without the dense branch:
//   c = tanh(sigmoid(r) cand), u = sigmoid(upd - 1), h = u c + (1 - u) h'.
#include "tests/reference/cells/cell.h"
#include "tests/reference/cells/list.h"

namespace millrace::reference {
namespace {

struct BlockGru {
  BlockGru(const Part& part, int inputs) {
    shape.units = part.Integer("units", 1);
    shape.inputs = inputs;
    const int blocks = part.Integer("blocks", 1);
    reset = AddGate("reset", "RIB", blocks, &shape);
    candidate = AddGate("candidate", "RIB", blocks, &shape);
    update = AddGate("update", "RIB", blocks, &shape);
    shape.SetComponents(1, 0);
  }

  template <typename S>
  std::vector<S> Next(const Sight<S>& sight) const {
    StateAfter<S> after(shape);
    const std::vector<S> fed = sight.FedBack(0);
    for (int i = 0; i < shape.units; ++i) {
      const S r = Sigmoid(PreActivation(sight, reset, i, fed));
      const S c = Tanh(r * PreActivation(sight, candidate, i, fed));
      const S u = Sigmoid(PreActivation(sight, update, i, fed) - S(1));
      after.Set(0, i, u * c + (S(1) - u) * sight.Carried(0, i));
    }
    return after.Take();
  }

  CellShape shape;
  Gate reset, candidate, update;
};

}  // namespace

std::shared_ptr<const Cell> MakeBlockGru(const Part& part, int inputs) {
  return std::make_shared<CellOf<BlockGru>>(part, inputs);
}

}  // namespace millrace::reference
