// The two-layer head, y = V2 silu(V1 f + b1) + b2, silu(a) = a / (1 + e^-a) (Elfwing, Uchibe and
// Doya 2018), trained by the model's optimizer; f are all features, the direct ones included.
// O(k H + H m) a step, with H hidden units.
#ifndef MILLRACE_ENGINE_HEADS_MLP_H_
#define MILLRACE_ENGINE_HEADS_MLP_H_

#include <vector>

#include "engine/heads/head.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeMlp();

// Blocks, all of the group readout: hidden [k, H], hidden_bias [1, H], readout [H, m],
// readout_bias [1, m].
template <typename T>
class MlpHead final : public Head<T> {
 public:
  MlpHead(const PartSpec& part, const HeadShape& shape);

  std::int64_t outputs() const override { return m_; }
  void AddBlocks(ParameterLayout* layout) const override;
  std::int64_t parameters() const override { return readout_bias() + m_; }
  // V1 normal with standard deviation 1 / sqrt(k) (LeCun and others 1998), V2 with gain / sqrt(H);
  // biases zero.
  void Initialize(std::uint64_t seed, T* theta) const override;
  void Forward(const T* theta, const T* f, T* y) const override;
  void Backward(const T* theta, const T* f, const T* dy, T* df, T* g) const override;

 private:
  std::int64_t hidden_bias() const { return shape_.features() * hidden_; }
  std::int64_t readout() const { return hidden_bias() + hidden_; }
  std::int64_t readout_bias() const { return readout() + hidden_ * m_; }
  // a_ = V1 f + b1, s_ = silu(a_).
  void Hidden(const T* theta, const T* f) const;

  HeadShape shape_;
  std::int64_t m_;
  std::int64_t hidden_;  // H
  double gain_;
  mutable std::vector<T> a_, s_, da_;  // [H]
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_HEADS_MLP_H_
