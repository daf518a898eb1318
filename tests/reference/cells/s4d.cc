// S4D (Gu et al. 2022): per unit `state` complex states under a diagonal A, zero-order hold:
//   s = e^(dt A) s' + (e^(dt A) - 1) / A u,  y = 2 Re(sum C s) + D u;  A = -e^alpha + i w, u = B x.
#include "tests/reference/cells/cell.h"
#include "tests/reference/cells/list.h"

namespace millrace::reference {
namespace {

struct S4d {
  S4d(const Part& part, int inputs) {
    shape.units = part.Integer("units", 1);
    shape.inputs = inputs;
    states = part.Integer("state", 4);
    input = AddGate("input", "I", 1, &shape);
    step = AddDynamics("step", &shape);
    for (int s = 0; s < states; ++s) {
      const std::string number = std::to_string(s);
      real.push_back(AddDynamics("real_" + number, &shape));
      AddDynamics("imaginary_" + number, &shape);
      AddDynamics("readout_real_" + number, &shape);
      AddDynamics("readout_imaginary_" + number, &shape);
    }
    skip = AddDynamics("skip", &shape);
    shape.SetComponents(2 * states + 1, 2 * states);
  }

  template <typename S>
  std::vector<S> Next(const Sight<S>& sight) const {
    StateAfter<S> after(shape);
    for (int i = 0; i < shape.units; ++i) {
      const S u = PreActivation(sight, input, i);
      const S dt = Exp(sight.Weight(step, 0, i));
      S y = sight.Weight(skip, 0, i) * u;
      for (int s = 0; s < states; ++s) {
        const int block = real[s];
        const S a_re = -Exp(sight.Weight(block, 0, i));
        const S a_im = sight.Weight(block + 1, 0, i);
        const S radius = Exp(dt * a_re);
        const S lam_re = radius * Cos(dt * a_im);
        const S lam_im = radius * Sin(dt * a_im);
        // (lam - 1) / A, by the conjugate of A.
        const S size = a_re * a_re + a_im * a_im;
        const S in_re = ((lam_re - S(1)) * a_re + lam_im * a_im) / size;
        const S in_im = (lam_im * a_re - (lam_re - S(1)) * a_im) / size;
        const S re = sight.Carried(2 * s, i);
        const S im = sight.Carried(2 * s + 1, i);
        const S next_re = lam_re * re - lam_im * im + in_re * u;
        const S next_im = lam_re * im + lam_im * re + in_im * u;
        after.Set(2 * s, i, next_re);
        after.Set(2 * s + 1, i, next_im);
        y += S(2) *
             (sight.Weight(block + 2, 0, i) * next_re - sight.Weight(block + 3, 0, i) * next_im);
      }
      after.Set(2 * states, i, y);
    }
    return after.Take();
  }

  CellShape shape;
  int states = 4;
  Gate input;
  int step = 0;
  std::vector<int> real;  // block of a state's alpha; w and the readout follow it
  int skip = 0;
};

}  // namespace

std::shared_ptr<const Cell> MakeS4d(const Part& part, int inputs) {
  return std::make_shared<CellOf<S4d>>(part, inputs);
}

}  // namespace millrace::reference
