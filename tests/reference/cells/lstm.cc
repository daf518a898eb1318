// LSTM (Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000), no peepholes:
//   c = f c' + i z,  h = o tanh(c);  i, f, o = sigmoid(a), z = tanh(a).
#include "tests/reference/cells/cell.h"
#include "tests/reference/cells/list.h"

namespace millrace::reference {
namespace {

struct Lstm {
  Lstm(const Part& part, int inputs) {
    shape.units = part.Integer("units", 1);
    shape.inputs = inputs;
    input = AddGate("input", "RIB", 1, &shape);
    forget = AddGate("forget", "RIB", 1, &shape);
    candidate = AddGate("candidate", "RIB", 1, &shape);
    output = AddGate("output", "RIB", 1, &shape);
    shape.SetComponents(2, 1);
  }

  template <typename S>
  std::vector<S> Next(const Sight<S>& sight) const {
    StateAfter<S> after(shape);
    const std::vector<S> fed = sight.FedBack(1);
    for (int k = 0; k < shape.units; ++k) {
      const S i = Sigmoid(PreActivation(sight, input, k, fed));
      const S f = Sigmoid(PreActivation(sight, forget, k, fed));
      const S z = Tanh(PreActivation(sight, candidate, k, fed));
      const S o = Sigmoid(PreActivation(sight, output, k, fed));
      const S c = f * sight.Carried(0, k) + i * z;
      after.Set(0, k, c);
      after.Set(1, k, o * Tanh(c));
    }
    return after.Take();
  }

  CellShape shape;
  Gate input, forget, candidate, output;
};

}  // namespace

std::shared_ptr<const Cell> MakeLstm(const Part& part, int inputs) {
  return std::make_shared<CellOf<Lstm>>(part, inputs);
}

}  // namespace millrace::reference
