// GLRU, the gated linear unit of Memora:  h = r h' + gamma u, u = (G x)(B x),
// r = exp(-3 e^nu sigmoid(R x)), gamma = sqrt(1 - r^2). Complex: lam = r e^(i theta) in the place
// of r, and u complex through a complex B.
// The paper prints the derivative with respect to R with a plus sign and sigma (1 - sigma'), and
// gamma = sqrt(1 - |lam|) for the complex cell; neither is the derivative of these formulas nor
// keeps the state's variance, which is why nothing here is copied but the forward pass.
#include "tests/reference/cells/cell.h"
#include "tests/reference/cells/list.h"

namespace millrace::reference {
namespace {

struct Glru {
  Glru(const Part& part, int inputs) {
    shape.units = part.Integer("units", 1);
    shape.inputs = inputs;
    is_complex = part.Flag("complex", false);
    value = AddGate(is_complex ? "value_real" : "value", "I", 1, &shape);
    if (is_complex) value_imaginary = AddGate("value_imaginary", "I", 1, &shape);
    gate = AddGate("gate", "I", 1, &shape);
    recurrence = AddGate("recurrence", "I", 1, &shape);
    radius = AddDynamics("radius", &shape);
    if (is_complex) phase = AddDynamics("phase", &shape);
    shape.SetComponents(is_complex ? 2 : 1, 0);
  }

  template <typename S>
  std::vector<S> Next(const Sight<S>& sight) const {
    StateAfter<S> after(shape);
    for (int i = 0; i < shape.units; ++i) {
      const S open = Sigmoid(PreActivation(sight, recurrence, i));
      const S log_r = S(-3) * Exp(sight.Weight(radius, 0, i)) * open;
      const S r = Exp(log_r);
      const S gamma = Sqrt(-Expm1(S(2) * log_r));
      const S through = gamma * PreActivation(sight, gate, i);
      const S u = through * PreActivation(sight, value, i);
      const S re = sight.Carried(0, i);
      if (!is_complex) {
        after.Set(0, i, r * re + u);
        continue;
      }
      const S lam_re = r * Cos(sight.Weight(phase, 0, i));
      const S lam_im = r * Sin(sight.Weight(phase, 0, i));
      const S im = sight.Carried(1, i);
      after.Set(0, i, lam_re * re - lam_im * im + u);
      after.Set(1, i,
                lam_re * im + lam_im * re + through * PreActivation(sight, value_imaginary, i));
    }
    return after.Take();
  }

  CellShape shape;
  bool is_complex = false;
  Gate value, value_imaginary, gate, recurrence;
  int radius = 0;
  int phase = 0;
};

}  // namespace

std::shared_ptr<const Cell> MakeGlru(const Part& part, int inputs) {
  return std::make_shared<CellOf<Glru>>(part, inputs);
}

}  // namespace millrace::reference
