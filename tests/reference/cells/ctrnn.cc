// Leaky tanh with a learned leak per unit:  h = (1 - al) h' + al tanh(a), al = sigmoid(raw).
#include "tests/reference/cells/cell.h"
#include "tests/reference/cells/list.h"

namespace millrace::reference {
namespace {

struct Ctrnn {
  Ctrnn(const Part& part, int inputs) {
    shape.units = part.Integer("units", 1);
    shape.inputs = inputs;
    gate = AddGate("", "RIB", 1, &shape);
    leak = AddDynamics("leak", &shape);
    shape.SetComponents(1, 0);
  }

  template <typename S>
  std::vector<S> Next(const Sight<S>& sight) const {
    StateAfter<S> after(shape);
    const std::vector<S> fed = sight.FedBack(0);
    for (int i = 0; i < shape.units; ++i) {
      const S al = Sigmoid(sight.Weight(leak, 0, i));
      const S phi = Tanh(PreActivation(sight, gate, i, fed));
      after.Set(0, i, (S(1) - al) * sight.Carried(0, i) + al * phi);
    }
    return after.Take();
  }

  CellShape shape;
  Gate gate;
  int leak = 0;
};

}  // namespace

std::shared_ptr<const Cell> MakeCtrnn(const Part& part, int inputs) {
  return std::make_shared<CellOf<Ctrnn>>(part, inputs);
}

}  // namespace millrace::reference
