// Gate cells: everything that follows from the structure alone.
//
// GateCellBase forms fan-ins, pre-activations and derivatives; GateCell adds the map of one unit
// (kernels/cells/), with its derivatives, run over the units. A cell then is a structure, an
// initialiser and a unit map. O(p) a step for all gates together, O(G n^2) where the input is a
// byte. Thread-safe after construction.
#ifndef MILLRACE_ENGINE_CELLS_GATE_CELL_H_
#define MILLRACE_ENGINE_CELLS_GATE_CELL_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/cells/cell.h"
#include "engine/check.h"
#include "engine/random.h"
#include "kernels/units.h"

namespace millrace::engine {

// A gate that sees fed-back units, the input and a bias.
inline Gate FullGate(const char* name) {
  return {.name = name, .recurrent = true, .input = true, .bias = true};
}

template <typename T>
class GateCellBase : public Cell<T> {
 public:
  std::int64_t inputs() const override { return structure_.d; }
  std::int64_t components() const override { return structure_.components * structure_.n; }
  std::int64_t auxiliary() const override { return auxiliary_; }
  std::int64_t outputs() const override {
    return (structure_.components - structure_.first_output) * structure_.n;
  }
  const StepShape& step_shape() const override { return shape_; }
  const Structure* structure() const override { return &structure_; }
  std::int64_t parameters() const override { return structure_.parameters(); }
  void AddBlocks(ParameterLayout* layout) const override;

  void Forward(const T* theta, const CellInput<T>& input, const T* previous,
               CellStep<T>* step) const override;

  bool can_begin() const override { return structure_.blocks == 1 && structure_.unit_local(); }
  void BeginForward(const CellInput<T>& input, const T* previous, CellStep<T>* step,
                    std::vector<NextMap<T>>* maps) const override;
  void FinishForward(const T* previous, CellStep<T>* step) const override { Units(previous, step); }

  std::int64_t scratch_size() const override;
  bool has_outer() const override { return structure_.blocks == 1; }
  void ImmediateAsOuter(const T* theta, const CellStep<T>& step, const T* ds, T* scratch,
                        std::vector<OuterGradient<T>>* outer) const override;
  void ImmediateGradient(const T* theta, const CellStep<T>& step, const T* ds, bool sparse,
                         T* scratch, T* g) const override;
  void BackState(const T* theta, const CellStep<T>& step, const T* ds, T* scratch,
                 T* before) const override;
  void ForwardState(const T* theta, const CellStep<T>& step, const T* tangent, T* scratch,
                    T* after) const override;

 protected:
  // The gates' offsets are filled in. auxiliary: numbers of state after the components.
  GateCellBase(Structure structure, std::int64_t auxiliary);

  // What a map of the units reads and writes of a step.
  kernels::UnitArrays<T> ArraysOf(const T* previous, CellStep<T>* step) const {
    return {structure_.n,  step->preactivation(), previous,
            step->state(), step->carry(),         step->slope()};
  }
  // Runs the units: preactivation and previous -> state, carry, slope.
  virtual void Units(const T* previous, CellStep<T>* step) const = 0;
  // Fills the input views and what of the auxiliary state follows from the input. The default
  // takes the input as it is.
  virtual void FillViews(const T* theta, const CellInput<T>& input, const T* previous,
                         CellStep<T>* step) const;

  const Structure& shape() const { return structure_; }
  T* view(CellStep<T>* step, int index) const {
    return step->fan_in() + structure_.n + index * structure_.d;
  }
  // Normal initial weights, biases and parameters of the units zero: recurrent rows with deviation
  // recurrent_gain / sqrt(rows), input rows with input_gain / sqrt(d).
  void InitializeGates(std::uint64_t seed, double recurrent_gain, double input_gain,
                       T* theta) const;
  // The bias or own parameter row [n] of a gate, and a generator for what it starts from.
  T* LastRow(int gate, T* theta) const;
  static Random RowGenerator(std::uint64_t seed, int gate);
  void FillLastRow(int gate, double value, T* theta) const;

 private:
  // Everything that the weights meet.
  void FillFanIn(const T* theta, const CellInput<T>& input, const T* previous,
                 CellStep<T>* step) const;
  void Preactivations(const T* theta, CellStep<T>* step) const;
  void GatePreactivation(const T* theta, const Gate& gate, const CellStep<T>& step, T* a) const;
  void Modulate(int gate, CellStep<T>* step) const;

  Structure structure_;
  StepShape shape_;
  std::int64_t auxiliary_;
};

// Unit: kGates, kComponents, kAuxiliary, kCarry, kSlope and operator() as kernels/cells/unit.h
// says.
template <typename T, typename Unit>
class GateCell : public GateCellBase<T> {
 protected:
  explicit GateCell(const Structure& structure, Unit unit = {}, std::int64_t more_auxiliary = 0)
      : GateCellBase<T>(WithPairs(structure), Unit::kAuxiliary * structure.n + more_auxiliary),
        unit_(unit) {
    MILLRACE_CHECK(structure.gates.size() == Unit::kGates);
  }

  void Units(const T* previous, CellStep<T>* step) const override {
    kernels::AdvanceUnits(unit_, this->ArraysOf(previous, step));
  }

 private:
  static Structure WithPairs(Structure structure) {
    structure.components = Unit::kComponents;
    for (const auto& pair : Unit::kCarry) structure.carry.push_back({pair.to, pair.from});
    for (const auto& pair : Unit::kSlope) structure.slope.push_back({pair.to, pair.from});
    return structure;
  }

  Unit unit_;
};

extern template class GateCellBase<float>;
extern template class GateCellBase<double>;

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_GATE_CELL_H_
