// RG-LRU (De et al. 2024), dense gates without bias:  h = r h' + sqrt(1 - r^2) (i V x),
// r = exp(-8 softplus(nu) sigmoid(R x)), i = sigmoid(G x).
// Memora's appendix prints its derivatives with respect to R and G wrongly (a sign, and a factor
// i (1 - i) that is missing); here they are automatic.
#include "tests/reference/cells/cell.h"
#include "tests/reference/cells/list.h"

namespace millrace::reference {
namespace {

struct RgLru {
  RgLru(const Part& part, int inputs) {
    shape.units = part.Integer("units", 1);
    shape.inputs = inputs;
    value = AddGate("value", "I", 1, &shape);
    recurrence = AddGate("recurrence", "I", 1, &shape);
    input_gate = AddGate("input_gate", "I", 1, &shape);
    radius = AddDynamics("radius", &shape);
    shape.SetComponents(1, 0);
  }

  template <typename S>
  std::vector<S> Next(const Sight<S>& sight) const {
    StateAfter<S> after(shape);
    for (int i = 0; i < shape.units; ++i) {
      const S open = Sigmoid(PreActivation(sight, recurrence, i));
      const S log_r = S(-8) * Softplus(sight.Weight(radius, 0, i)) * open;
      const S gated = Sigmoid(PreActivation(sight, input_gate, i)) * PreActivation(sight, value, i);
      after.Set(0, i, Exp(log_r) * sight.Carried(0, i) + Sqrt(-Expm1(S(2) * log_r)) * gated);
    }
    return after.Take();
  }

  CellShape shape;
  Gate value, recurrence, input_gate;
  int radius = 0;
};

}  // namespace

std::shared_ptr<const Cell> MakeRgLru(const Part& part, int inputs) {
  return std::make_shared<CellOf<RgLru>>(part, inputs);
}

}  // namespace millrace::reference
