// sLSTM (Beck et al. 2024), recurrent weights block-diagonal by head:
//   c = f c' + i tanh(z),  nrm = f nrm' + i,  h = sigmoid(o) c / nrm;  i = e^i~, f = sigmoid(f~).
// Stabilised: m = max(log f + m', i~), i = e^(i~ - m), f = e^(log f + m' - m), and c, nrm are in
// units of e^m. m is a constant in every derivative, inside the step as well as carried; a mixture
// of the two gives wrong gradients. nrm = 0 says that nothing has been taken in yet: m = i~.
// The setting `stabilised` 0 gives the plain form, which tests hold the stabilised one to.
#include "tests/reference/cells/cell.h"
#include "tests/reference/cells/list.h"

namespace millrace::reference {
namespace {

struct Slstm {
  Slstm(const Part& part, int inputs) {
    shape.units = part.Integer("units", 1);
    shape.inputs = inputs;
    stabilised = part.Flag("stabilised", true);
    const int heads = part.Integer("heads", 1);
    input = AddGate("input", "RIB", heads, &shape);
    forget = AddGate("forget", "RIB", heads, &shape);
    candidate = AddGate("candidate", "RIB", heads, &shape);
    output = AddGate("output", "RIB", heads, &shape);
    shape.SetComponents(3, 2);
    shape.auxiliary = shape.units;
  }

  template <typename S>
  std::vector<S> Next(const Sight<S>& sight) const {
    StateAfter<S> after(shape);
    const std::vector<S> fed = sight.FedBack(2);
    for (int k = 0; k < shape.units; ++k) {
      const S i = PreActivation(sight, input, k, fed);
      const S log_f = -Softplus(-PreActivation(sight, forget, k, fed));
      const S z = Tanh(PreActivation(sight, candidate, k, fed));
      const S o = Sigmoid(PreActivation(sight, output, k, fed));
      const bool first = ValueOf(sight.Carried(1, k)) == 0;
      S m = 0;
      S f = Exp(log_f);
      if (stabilised) {
        const S before = sight.Auxiliary(k);
        m = Held(first || ValueOf(i) > ValueOf(log_f + before) ? i : log_f + before);
        f = first ? S(0) : Exp(log_f + before - m);
      }
      const S share = Exp(i - m);
      const S c = f * sight.Carried(0, k) + share * z;
      const S nrm = f * sight.Carried(1, k) + share;
      after.Set(0, k, c);
      after.Set(1, k, nrm);
      after.Set(2, k, o * c / nrm);
      after.SetAuxiliary(k, m);
    }
    return after.Take();
  }

  CellShape shape;
  bool stabilised = true;
  Gate input, forget, candidate, output;
};

}  // namespace

std::shared_ptr<const Cell> MakeSlstm(const Part& part, int inputs) {
  return std::make_shared<CellOf<Slstm>>(part, inputs);
}

}  // namespace millrace::reference
