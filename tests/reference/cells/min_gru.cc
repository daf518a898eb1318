// minGRU (Feng et al. 2024):  h = (1 - z) h' + z g(V x + b), z = sigmoid(W x + b); g is the
// identity or, positive: g(a) = a + 1/2 where a >= 0, else sigmoid(a).
#include "tests/reference/cells/cell.h"
#include "tests/reference/cells/list.h"

namespace millrace::reference {
namespace {

struct MinGru {
  MinGru(const Part& part, int inputs) {
    shape.units = part.Integer("units", 1);
    shape.inputs = inputs;
    positive = part.Text("activation", "identity") == "positive";
    update = AddGate("update", "IB", 1, &shape);
    candidate = AddGate("candidate", "IB", 1, &shape);
    shape.SetComponents(1, 0);
  }

  template <typename S>
  std::vector<S> Next(const Sight<S>& sight) const {
    StateAfter<S> after(shape);
    for (int i = 0; i < shape.units; ++i) {
      const S z = Sigmoid(PreActivation(sight, update, i));
      S g = PreActivation(sight, candidate, i);
      if (positive) g = ValueOf(g) >= 0 ? g + S(0.5) : Sigmoid(g);
      after.Set(0, i, (S(1) - z) * sight.Carried(0, i) + z * g);
    }
    return after.Take();
  }

  CellShape shape;
  bool positive = false;
  Gate update, candidate;
};

}  // namespace

std::shared_ptr<const Cell> MakeMinGru(const Part& part, int inputs) {
  return std::make_shared<CellOf<MinGru>>(part, inputs);
}

}  // namespace millrace::reference
