// LRU (Orvieto et al. 2023):  h = lam h' + gamma B x, complex; lam = exp(-e^nu + i e^theta),
// gamma = sqrt(1 - |lam|^2) (tied, as Elelimy et al. 2024) or e^log_gamma, learned.
#include "tests/reference/cells/cell.h"
#include "tests/reference/cells/list.h"

namespace millrace::reference {
namespace {

struct Lru {
  Lru(const Part& part, int inputs) {
    shape.units = part.Integer("units", 1);
    shape.inputs = inputs;
    tied = part.Flag("tied", true);
    input_real = AddGate("input_real", "I", 1, &shape);
    input_imaginary = AddGate("input_imaginary", "I", 1, &shape);
    radius = AddDynamics("radius", &shape);
    phase = AddDynamics("phase", &shape);
    if (!tied) log_gamma = AddDynamics("log_gamma", &shape);
    shape.SetComponents(2, 0);
  }

  template <typename S>
  std::vector<S> Next(const Sight<S>& sight) const {
    StateAfter<S> after(shape);
    for (int i = 0; i < shape.units; ++i) {
      const S rate = Exp(sight.Weight(radius, 0, i));
      const S turn = Exp(sight.Weight(phase, 0, i));
      const S r = Exp(-rate);
      const S lam_re = r * Cos(turn);
      const S lam_im = r * Sin(turn);
      const S gamma = tied ? Sqrt(-Expm1(S(-2) * rate)) : Exp(sight.Weight(log_gamma, 0, i));
      const S re = sight.Carried(0, i);
      const S im = sight.Carried(1, i);
      after.Set(0, i, lam_re * re - lam_im * im + gamma * PreActivation(sight, input_real, i));
      after.Set(1, i, lam_re * im + lam_im * re + gamma * PreActivation(sight, input_imaginary, i));
    }
    return after.Take();
  }

  CellShape shape;
  bool tied = true;
  Gate input_real, input_imaginary;
  int radius = 0;
  int phase = 0;
  int log_gamma = 0;
};

}  // namespace

std::shared_ptr<const Cell> MakeLru(const Part& part, int inputs) {
  return std::make_shared<CellOf<Lru>>(part, inputs);
}

}  // namespace millrace::reference
