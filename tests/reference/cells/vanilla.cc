// Leaky tanh:  h = (1 - al) h' + al tanh(W h' + U x + b).
#include "tests/reference/cells/cell.h"
#include "tests/reference/cells/list.h"

namespace millrace::reference {
namespace {

struct Vanilla {
  Vanilla(const Part& part, int inputs) {
    shape.units = part.Integer("units", 1);
    shape.inputs = inputs;
    leak = part.Number("leak", 1);
    gate = AddGate("", "RIB", 1, &shape);
    shape.SetComponents(1, 0);
  }

  template <typename S>
  std::vector<S> Next(const Sight<S>& sight) const {
    StateAfter<S> after(shape);
    const std::vector<S> fed = sight.FedBack(0);
    for (int i = 0; i < shape.units; ++i) {
      const S phi = Tanh(PreActivation(sight, gate, i, fed));
      after.Set(0, i, S(1 - leak) * sight.Carried(0, i) + S(leak) * phi);
    }
    return after.Take();
  }

  CellShape shape;
  Gate gate;
  double leak = 1;
};

}  // namespace

std::shared_ptr<const Cell> MakeVanilla(const Part& part, int inputs) {
  return std::make_shared<CellOf<Vanilla>>(part, inputs);
}

}  // namespace millrace::reference
