// Cells: the recurrent map s_t = f(s_{t-1}, x_t; theta) and the local derivatives of one step.
//
// The state s is components [N] that have sensitivities, then auxiliary numbers [A] that are
// constants in every derivative (a stabiliser, the input before). The head sees the last of the
// components. Most cells are gate cells (gate_cell.h), for which structure() says what depends on
// what and the derivatives below come for free.
//
// A cell is hyper-parameters only; state belongs to the caller. Thread-safe after construction.
#ifndef MILLRACE_ENGINE_CELLS_CELL_H_
#define MILLRACE_ENGINE_CELLS_CELL_H_

#include <cstdint>
#include <vector>

#include "engine/cells/structure.h"
#include "engine/gradient.h"
#include "engine/parameters.h"

namespace millrace::engine {

inline constexpr std::int64_t kNoByte = -1;

// One step's input, as the cell takes it.
template <typename T>
struct CellInput {
  const T* dense = nullptr;               // z [d]; null for byte models
  const std::uint8_t* present = nullptr;  // [d]; 0: the channel's weights wait; null: all present
  std::int64_t byte = kNoByte;            // one-hot input; kNoByte with dense null: no input
};

// Where things are in the numbers that a step leaves behind; counts of numbers.
struct StepShape {
  std::int64_t state = 0;          // [N + A]
  std::int64_t fan_in = 0;         // fed back [n], then the views [V, d], then 1
  std::int64_t preactivation = 0;  // [G, n]
  std::int64_t carry = 0;          // [pairs, n]
  std::int64_t slope = 0;          // [pairs, n]
  std::int64_t extra = 0;          // as the cell says
  std::int64_t size = 0;
};

// What one step leaves behind for the rules: one run of numbers, so that a rule that goes back
// through time can keep and restore it as a whole.
template <typename T>
struct CellStep {
  explicit CellStep(const StepShape& of)
      : shape(of), values(static_cast<std::size_t>(of.size), T{0}) {}

  T* state() { return values.data() + shape.state; }
  T* fan_in() { return values.data() + shape.fan_in; }
  T* preactivation() { return values.data() + shape.preactivation; }
  T* carry() { return values.data() + shape.carry; }
  T* slope() { return values.data() + shape.slope; }
  T* extra() { return values.data() + shape.extra; }
  const T* state() const { return values.data() + shape.state; }
  const T* fan_in() const { return values.data() + shape.fan_in; }
  const T* preactivation() const { return values.data() + shape.preactivation; }
  const T* carry() const { return values.data() + shape.carry; }
  const T* slope() const { return values.data() + shape.slope; }
  const T* extra() const { return values.data() + shape.extra; }

  StepShape shape;
  std::vector<T> values;
  bool one_hot = false;         // the input was a byte, and the fan-in shows it alone
  std::int64_t byte = kNoByte;  // that byte
};

template <typename T>
class Cell {
 public:
  virtual ~Cell() = default;
  virtual std::int64_t inputs() const = 0;      // d
  virtual std::int64_t components() const = 0;  // N
  virtual std::int64_t auxiliary() const { return 0; }
  virtual std::int64_t outputs() const = 0;  // o, the last of the components
  virtual const StepShape& step_shape() const = 0;
  std::int64_t state_size() const { return components() + auxiliary(); }

  // Null for a cell that is not made of gates.
  virtual const Structure* structure() const = 0;
  virtual void AddBlocks(ParameterLayout* layout) const = 0;
  virtual std::int64_t parameters() const = 0;  // p of the cell
  virtual void Initialize(std::uint64_t seed, T* theta) const = 0;

  // Fills every field of `step` from theta [p], the input and the state before, [N + A].
  virtual void Forward(const T* theta, const CellInput<T>& input, const T* previous,
                       CellStep<T>* step) const = 0;

  // Forward in two halves, for a caller that forms the weighted sums itself. BeginForward fills
  // what the weights meet, zeroes the sums, and lists which rows add to which; FinishForward takes
  // the step from there. Only where can_begin(): what the weights meet depends on no weight.
  virtual bool can_begin() const { return false; }
  virtual void BeginForward(const CellInput<T>& /*input*/, const T* /*previous*/,
                            CellStep<T>* /*step*/, std::vector<NextMap<T>>* /*maps*/) const {}
  virtual void FinishForward(const T* /*previous*/, CellStep<T>* /*step*/) const {}

  // Derivatives of the step, under the weights theta that it was made with. scratch: at least
  // scratch_size() numbers.
  virtual std::int64_t scratch_size() const = 0;
  // g [p] = (ds/dtheta)^T ds, the state before held; ds [N]. With `sparse`, which asks for
  // step.one_hot, only the input rows of the step's byte are written.
  virtual void ImmediateGradient(const T* theta, const CellStep<T>& step, const T* ds, bool sparse,
                                 T* scratch, T* g) const = 0;
  // ImmediateGradient as outer products, one for each block of parameters, where the cell has it
  // so; they point into `scratch` and `step`.
  virtual bool has_outer() const { return false; }
  virtual void ImmediateAsOuter(const T* /*theta*/, const CellStep<T>& /*step*/, const T* /*ds*/,
                                T* /*scratch*/, std::vector<OuterGradient<T>>* /*outer*/) const {}
  // before [N] = J^T ds and after [N] = J tangent, J = ds/ds'.
  virtual void BackState(const T* theta, const CellStep<T>& step, const T* ds, T* scratch,
                         T* before) const = 0;
  virtual void ForwardState(const T* theta, const CellStep<T>& step, const T* tangent, T* scratch,
                            T* after) const = 0;

  // Exact recurrence of a cell whose sensitivities have a form of their own (rows that share
  // them); 0 numbers where there is none.
  virtual std::int64_t SharedSensitivitySize() const { return 0; }
  virtual void AdvanceShared(const T* /*theta*/, const CellStep<T>& /*step*/,
                             T* /*sensitivity*/) const {}
  // g [p] from dL/doutputs q [o], after AdvanceShared has taken the step in.
  virtual void SharedGradient(const T* /*theta*/, const T* /*sensitivity*/,
                              const CellStep<T>& /*step*/, const T* /*q*/, T* /*g*/) const {}
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_CELL_H_
