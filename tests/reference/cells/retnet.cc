// RetNet, one head in recurrent form (Sun et al. 2023):  S = g S' + k v^T,  y = S^T q;
// q = W_q x, k = W_k x [dk], v = W_v x [dv]. State: S [dk, dv], then y [dv]; no weight and no place
// of it belongs to one unit.
#include "tests/reference/cells/cell.h"
#include "tests/reference/cells/list.h"

namespace millrace::reference {
namespace {

struct Retnet {
  Retnet(const Part& part, int inputs) {
    keys = part.Integer("key_size", 1);
    decay = part.Number("decay", 0.9);
    shape.units = part.Integer("value_size", part.Integer("units", 1));
    shape.inputs = inputs;
    shape.unit_local = false;
    query = shape.layout.Add("query", "input", inputs, keys);
    key = shape.layout.Add("key", "input", inputs, keys);
    value = shape.layout.Add("value", "input", inputs, shape.units);
    shape.sensitive = (keys + 1) * shape.units;
    for (int b = 0; b < shape.units; ++b) shape.outputs.push_back(keys * shape.units + b);
  }

  template <typename S>
  std::vector<S> Next(const Sight<S>& sight) const {
    StateAfter<S> after(shape);
    const auto product = [&](int block, int i) {
      S sum = 0;
      for (int j = 0; j < shape.inputs; ++j) {
        sum += sight.Weight(block, j, i) * S(sight.x[j]);
      }
      return sum;
    };
    for (int b = 0; b < shape.units; ++b) {
      S y = 0;
      for (int a = 0; a < keys; ++a) {
        const S s = S(decay) * sight.Carried(a, b) + product(key, a) * product(value, b);
        after.Set(a, b, s);
        y += s * product(query, a);
      }
      after.Set(keys, b, y);
    }
    return after.Take();
  }

  CellShape shape;
  int keys = 1;
  double decay = 0.9;
  int query = 0;
  int key = 0;
  int value = 0;
};

}  // namespace

std::shared_ptr<const Cell> MakeRetnet(const Part& part, int inputs) {
  return std::make_shared<CellOf<Retnet>>(part, inputs);
}

}  // namespace millrace::reference
