// The vanilla tanh cell, leaky form included: h = (1 - al) h' + al tanh(W h' + U x + b).
// al = 1 is the Elman network; al = dt/tau discretises a continuous-time one.
#ifndef MILLRACE_ENGINE_CELLS_VANILLA_H_
#define MILLRACE_ENGINE_CELLS_VANILLA_H_

#include "engine/cells/gate_cell.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeVanilla();

template <typename T>
class VanillaCell final : public GateCellBase<T> {
 public:
  VanillaCell(const PartSpec& part, std::int64_t inputs);

  void Initialize(std::uint64_t seed, T* theta) const override;

 private:
  // A vector operation of the kernels in place of a loop over units.
  void Units(const T* previous, CellStep<T>* step) const override;

  T leak_;
  double recurrent_gain_, input_gain_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_VANILLA_H_
