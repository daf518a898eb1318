// The vanilla tanh cell, leaky form included: h = (1 - al) h' + al tanh(W h' + U x + b).
// al = 1 is the Elman network; al = dt/tau discretises a continuous-time one.
#ifndef MILLRACE_ENGINE_CELLS_VANILLA_H_
#define MILLRACE_ENGINE_CELLS_VANILLA_H_

#include <vector>

#include "engine/cells/cell.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeVanilla();

template <typename T>
class VanillaCell final : public Cell<T> {
 public:
  VanillaCell(const PartSpec& part, std::int64_t inputs);

  std::int64_t units() const override { return n_; }
  std::int64_t inputs() const override { return d_; }
  void Initialize(std::uint64_t seed, T* theta) const override;
  void Forward(const T* theta, const CellInput<T>& input, const T* h_prev,
               CellStep<T>* step) const override;
  const T* carry() const override { return carry_.data(); }

 private:
  std::int64_t n_, d_;
  T leak_;
  double recurrent_gain_, input_gain_;
  std::vector<T> carry_;  // 1 - al
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_VANILLA_H_
