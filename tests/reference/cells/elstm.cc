// eLSTM (Irie et al. 2023): each unit sees of the state only its own cell, through peepholes:
//   z = tanh(F x + b + w_z c'),  f = sigmoid(G x + b + w_f c'),  c = f c' + (1 - f) z.
#include "tests/reference/cells/cell.h"
#include "tests/reference/cells/list.h"

namespace millrace::reference {
namespace {

struct Elstm {
  Elstm(const Part& part, int inputs) {
    shape.units = part.Integer("units", 1);
    shape.inputs = inputs;
    candidate = AddGate("candidate", "IB", 1, &shape);
    forget = AddGate("forget", "IB", 1, &shape);
    candidate_peephole = AddDynamics("candidate_peephole", &shape);
    forget_peephole = AddDynamics("forget_peephole", &shape);
    shape.SetComponents(1, 0);
  }

  template <typename S>
  std::vector<S> Next(const Sight<S>& sight) const {
    StateAfter<S> after(shape);
    for (int i = 0; i < shape.units; ++i) {
      const S before = sight.Carried(0, i);
      const S z = Tanh(PreActivation(sight, candidate, i) +
                       sight.Weight(candidate_peephole, 0, i) * before);
      const S f =
          Sigmoid(PreActivation(sight, forget, i) + sight.Weight(forget_peephole, 0, i) * before);
      after.Set(0, i, f * before + (S(1) - f) * z);
    }
    return after.Take();
  }

  CellShape shape;
  Gate candidate, forget;
  int candidate_peephole = 0;
  int forget_peephole = 0;
};

}  // namespace

std::shared_ptr<const Cell> MakeElstm(const Part& part, int inputs) {
  return std::make_shared<CellOf<Elstm>>(part, inputs);
}

}  // namespace millrace::reference
