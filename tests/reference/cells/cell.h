// A recurrent cell of the reference: its forward formulas, written once on a scalar that is either
// a double or a Variable, and the local derivatives that automatic differentiation takes of them.
//
// State of a cell: N numbers with sensitivities, component by component ([C, n] where a component
// has a number per unit), then A auxiliary numbers that are constants in every derivative. All are
// 0 at first. Outputs are the places of the state that a head sees.
//
// The state before enters twice: `carried` is what units see of themselves, `fed_back` what the
// recurrent weights see. So dstate/dstate' falls into a carry, which no mask touches, and a part
// through recurrent weights. Thread-safe: immutable. Derive costs O(N operations).
//
// A rule that goes back through past steps does so with the slopes that those had and the recurrent
// weights of now: Derive then takes both, the weights the step was made with and those of now.
#ifndef MILLRACE_TESTS_REFERENCE_CELLS_CELL_H_
#define MILLRACE_TESTS_REFERENCE_CELLS_CELL_H_

#include <memory>
#include <utility>
#include <vector>

#include "tests/reference/ad.h"
#include "tests/reference/layout.h"
#include "tests/reference/part.h"
#include "tests/reference/vector.h"

namespace millrace::reference {

struct CellShape {
  Layout layout;
  int units = 0;             // n
  int inputs = 0;            // d
  int sensitive = 0;         // N
  int auxiliary = 0;         // A
  std::vector<int> outputs;  // places in the state
  // Whether column i of each block and places i, n + i, ... of the state belong to unit i.
  bool unit_local = true;

  // `components` of n numbers each, of which those from `first_output` are outputs.
  void SetComponents(int components, int first_output);
  // The unit that a place of the state, or a weight, belongs to; -1: to none.
  int UnitOfState(int place) const { return unit_local ? place % units : -1; }
  int UnitOfWeight(int place) const;
};

// One step's derivatives at held arguments.
struct Local {
  Vector next;       // [N + A]
  Matrix carry;      // [N, N] dnext/dcarried
  Matrix recurrent;  // [N, N] dnext/dfed_back
  Matrix immediate;  // [N, p] dnext/dweights
};

class Cell {
 public:
  virtual ~Cell() = default;
  const CellShape& shape() const { return shape_; }
  int StateSize() const { return shape_.sensitive + shape_.auxiliary; }

  // weights [p], state [N + A], x [d].
  virtual Vector Next(const Vector& weights, const Vector& state, const Vector& x) const = 0;
  virtual std::vector<Variable> Next(const std::vector<Variable>& weights,
                                     const std::vector<Variable>& state, const Vector& x) const = 0;
  // `now` [p]: recurrent weights as derivatives see them; values are those of `weights`.
  virtual Local Derive(const Vector& weights, const Vector& state, const Vector& x,
                       const Vector& now) const = 0;
  Local Derive(const Vector& weights, const Vector& state, const Vector& x) const {
    return Derive(weights, state, x, weights);
  }

 protected:
  explicit Cell(CellShape shape) : shape_(std::move(shape)) {}
  CellShape shape_;
};

// A step as formulas see it.
template <typename S>
struct Sight {
  const CellShape& shape;
  const std::vector<S>& weights;   // [p]
  const std::vector<S>& carried;   // [N + A]
  const std::vector<S>& fed_back;  // [N]
  const Vector& x;                 // [d]
  const Vector* now = nullptr;     // [p] recurrent weights as derivatives see them

  // Element (j, i) of a block.
  const S& Weight(int block, int j, int i) const {
    return weights[shape.layout.block(block).Place(j, i)];
  }
  // Component c of unit i as it was.
  const S& Carried(int c, int i) const { return carried[c * shape.units + i]; }
  // Component c of all units as recurrent weights see it, [n].
  std::vector<S> FedBack(int c) const {
    const auto begin = fed_back.begin() + c * shape.units;
    return std::vector<S>(begin, begin + shape.units);
  }
  // The auxiliary number at a place.
  S Auxiliary(int place) const { return Held(carried[shape.sensitive + place]); }
};

// The blocks of a gate; -1: it has none of the kind.
struct Gate {
  int recurrent = -1;
  int input = -1;
  int bias = -1;
};

// Adds a gate's blocks in the order R, I, B, each if `letters` has it: recurrent [n / heads, n],
// input [d, n], bias [1, n]. An empty name: the blocks' names have no prefix.
Gate AddGate(const std::string& name, const std::string& letters, int heads, CellShape* shape);
// A parameter per unit, [1, n], of group dynamics.
int AddDynamics(const std::string& name, CellShape* shape);

// weight * fed, whose derivative with respect to `fed` is the weight of now.
inline double Through(double weight, double fed, double /*now*/) { return weight * fed; }
inline Variable Through(const Variable& weight, const Variable& fed, double now) {
  return Combined(weight.value * fed.value, weight, fed.value, fed, now);
}

// Pre-activation of unit i; `fed` [n] is what the recurrent weights see.
template <typename S>
S PreActivation(const Sight<S>& sight, const Gate& gate, int i, const std::vector<S>& fed) {
  S a = 0;
  if (gate.recurrent >= 0) {
    const int rows = sight.shape.layout.block(gate.recurrent).rows;
    const int first = i / rows * rows;
    for (int j = 0; j < rows; ++j) {
      const S& weight = sight.Weight(gate.recurrent, j, i);
      const int place = sight.shape.layout.block(gate.recurrent).Place(j, i);
      const double now = sight.now != nullptr ? (*sight.now)[place] : ValueOf(weight);
      a += Through(weight, fed[first + j], now);
    }
  }
  if (gate.input >= 0) {
    for (int j = 0; j < sight.shape.inputs; ++j) {
      a += sight.Weight(gate.input, j, i) * S(sight.x[j]);
    }
  }
  if (gate.bias >= 0) a += sight.Weight(gate.bias, 0, i);
  return a;
}

// The same without recurrent weights.
template <typename S>
S PreActivation(const Sight<S>& sight, const Gate& gate, int i) {
  return PreActivation(sight, gate, i, {});
}

// A cell out of its equations: a class with a constructor (const Part&, int inputs), a member
// `shape`, and Next(const Sight<S>&) that returns the state after, [N + A].
template <typename Equations>
class CellOf final : public Cell {
 public:
  CellOf(const Part& part, int inputs) : CellOf(Equations(part, inputs)) {}

  Vector Next(const Vector& weights, const Vector& state, const Vector& x) const override {
    return equations_.template Next<double>({shape_, weights, state, state, x});
  }

  std::vector<Variable> Next(const std::vector<Variable>& weights,
                             const std::vector<Variable>& state, const Vector& x) const override {
    return equations_.template Next<Variable>({shape_, weights, state, state, x});
  }

  using Cell::Derive;
  Local Derive(const Vector& weights, const Vector& state, const Vector& x,
               const Vector& now) const override {
    Tape tape;
    const auto leaves = [&tape](const Vector& values, int count) {
      std::vector<Variable> variables(static_cast<std::size_t>(count));
      for (int i = 0; i < count; ++i) variables[i] = tape.Leaf(values[i]);
      return variables;
    };
    const int p = shape_.layout.Size();
    const int n = shape_.sensitive;
    const std::vector<Variable> theta = leaves(weights, p);
    std::vector<Variable> carried = leaves(state, n);
    const std::vector<Variable> fed_back = leaves(state, n);
    carried.insert(carried.end(), state.begin() + n, state.end());
    const std::vector<Variable> next =
        equations_.template Next<Variable>({shape_, theta, carried, fed_back, x, &now});
    Local local{Vector(next.size()), Matrix(n, n), Matrix(n, n), Matrix(n, p)};
    for (std::size_t k = 0; k < next.size(); ++k) local.next[k] = next[k].value;
    for (int k = 0; k < n; ++k) {
      const Vector slopes = tape.Backward(next[k]);
      for (int j = 0; j < p; ++j) local.immediate(k, j) = slopes[j];
      for (int l = 0; l < n; ++l) {
        local.carry(k, l) = slopes[p + l];
        local.recurrent(k, l) = slopes[p + n + l];
      }
    }
    return local;
  }

 private:
  explicit CellOf(Equations equations) : Cell(equations.shape), equations_(std::move(equations)) {}

  Equations equations_;
};

// State numbers component by component: Set(c, i, value).
template <typename S>
class StateAfter {
 public:
  explicit StateAfter(const CellShape& shape)
      : shape_(shape), values_(shape.sensitive + shape.auxiliary) {}
  void Set(int c, int i, const S& value) { values_[c * shape_.units + i] = value; }
  void SetAuxiliary(int place, const S& value) { values_[shape_.sensitive + place] = Held(value); }
  std::vector<S> Take() { return std::move(values_); }

 private:
  const CellShape& shape_;
  std::vector<S> values_;
};

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_CELLS_CELL_H_
