// GRU (Cho et al. 2014):  h = (1 - z) n + z h', in two forms:
//   reset after the product   n = tanh(W x + b + r (U h' + c))
//   reset before the product  n = tanh(W x + b + U (r h'))
#include "tests/reference/cells/cell.h"
#include "tests/reference/cells/list.h"

namespace millrace::reference {
namespace {

struct Gru {
  Gru(const Part& part, int inputs) {
    shape.units = part.Integer("units", 1);
    shape.inputs = inputs;
    after_product = part.Text("reset", "after") == "after";
    reset = AddGate("reset", "RIB", 1, &shape);
    update = AddGate("update", "RIB", 1, &shape);
    if (after_product) {
      candidate = AddGate("candidate_input", "IB", 1, &shape);
      recurrent = AddGate("candidate_recurrent", "RB", 1, &shape);
    } else {
      candidate = AddGate("candidate", "RIB", 1, &shape);
    }
    shape.SetComponents(1, 0);
  }

  template <typename S>
  std::vector<S> Next(const Sight<S>& sight) const {
    StateAfter<S> after(shape);
    const std::vector<S> fed = sight.FedBack(0);
    std::vector<S> r;
    std::vector<S> reset_fed;
    for (int i = 0; i < shape.units; ++i) {
      r.push_back(Sigmoid(PreActivation(sight, reset, i, fed)));
      reset_fed.push_back(r.back() * fed[i]);
    }
    for (int i = 0; i < shape.units; ++i) {
      const S z = Sigmoid(PreActivation(sight, update, i, fed));
      S a = PreActivation(sight, candidate, i, reset_fed);
      if (after_product) {
        a += r[i] * PreActivation(sight, recurrent, i, fed);
      }
      after.Set(0, i, (S(1) - z) * Tanh(a) + z * sight.Carried(0, i));
    }
    return after.Take();
  }

  CellShape shape;
  bool after_product = true;
  Gate reset, update, candidate, recurrent;
};

}  // namespace

std::shared_ptr<const Cell> MakeGru(const Part& part, int inputs) {
  return std::make_shared<CellOf<Gru>>(part, inputs);
}

}  // namespace millrace::reference
