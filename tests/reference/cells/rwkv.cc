// RWKV-4 time-mix (Peng et al. 2023): k, v, r see x mixed with the x before, mu x + (1 - mu) x';
//   y = r (a' + e^(u + k) v) / (b' + e^(u + k)),  a = e^-w a' + e^k v,  b = e^-w b' + e^k,
// w = e^raw. Stabilised: a, b are in units of e^p, p = max(p' - w, k); p is a constant in every
// derivative. b = 0 says that nothing has been taken in yet. Auxiliary: p [n], then x' [d].
// The setting `stabilised` 0 gives the plain form.
#include "tests/reference/cells/cell.h"
#include "tests/reference/cells/list.h"

namespace millrace::reference {
namespace {

struct Rwkv {
  Rwkv(const Part& part, int inputs) {
    shape.units = part.Integer("units", 1);
    shape.inputs = inputs;
    stabilised = part.Flag("stabilised", true);
    mix = part.Number("mix", 0.5);
    key = AddGate("key", "I", 1, &shape);
    value = AddGate("value", "I", 1, &shape);
    receptance = AddGate("receptance", "I", 1, &shape);
    decay = AddDynamics("decay", &shape);
    bonus = AddDynamics("bonus", &shape);
    shape.SetComponents(3, 2);
    shape.auxiliary = shape.units + inputs;
  }

  template <typename S>
  std::vector<S> Next(const Sight<S>& sight) const {
    StateAfter<S> after(shape);
    Vector mixed(sight.x.size());
    for (int j = 0; j < shape.inputs; ++j) {
      const double x = sight.x[j];
      mixed[j] = mix * x + (1 - mix) * ValueOf(sight.Auxiliary(shape.units + j));
      after.SetAuxiliary(shape.units + j, x);
    }
    const Sight<S> shifted{shape, sight.weights, sight.carried, sight.fed_back, mixed, sight.now};
    for (int i = 0; i < shape.units; ++i) SetUnit(shifted, i, &after);
    return after.Take();
  }

  template <typename S>
  void SetUnit(const Sight<S>& sight, int i, StateAfter<S>* after) const {
    const S k = PreActivation(sight, key, i);
    const S v = PreActivation(sight, value, i);
    const S r = Sigmoid(PreActivation(sight, receptance, i));
    const S w = Exp(sight.Weight(decay, 0, i));
    const S u = sight.Weight(bonus, 0, i);
    const S a = sight.Carried(0, i);
    const S b = sight.Carried(1, i);
    const S p = sight.Auxiliary(i);
    const bool first = ValueOf(b) == 0;
    S now = 0;   // what y is measured in: e^now
    S next = 0;  // and the state after
    if (stabilised) {
      now = Held(first || ValueOf(u + k) > ValueOf(p) ? u + k : p);
      next = Held(first || ValueOf(k) > ValueOf(p - w) ? k : p - w);
    }
    const S old_now = first ? S(0) : Exp(p - now);
    const S own_now = Exp(u + k - now);
    const S old_next = first ? S(0) : Exp(p - w - next);
    const S own_next = Exp(k - next);
    after->Set(0, i, old_next * a + own_next * v);
    after->Set(1, i, old_next * b + own_next);
    after->Set(2, i, r * (old_now * a + own_now * v) / (old_now * b + own_now));
    after->SetAuxiliary(i, next);
  }

  CellShape shape;
  bool stabilised = true;
  double mix = 0.5;
  Gate key, value, receptance;
  int decay = 0;
  int bonus = 0;
};

}  // namespace

std::shared_ptr<const Cell> MakeRwkv(const Part& part, int inputs) {
  return std::make_shared<CellOf<Rwkv>>(part, inputs);
}

}  // namespace millrace::reference
