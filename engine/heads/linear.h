// The linear head, y = V h + c + D f, trained by the model's optimizer; f are the direct features.
#ifndef MILLRACE_ENGINE_HEADS_LINEAR_H_
#define MILLRACE_ENGINE_HEADS_LINEAR_H_

#include "engine/heads/head.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeLinear();

// outputs: a setting of every head.
SettingDescription OutputsSetting();

// Blocks: readout [o, m], readout_bias [1, m] if there is one, direct [k - o, m] if there are any.
template <typename T>
class LinearHead final : public Head<T> {
 public:
  LinearHead(const PartSpec& part, const HeadShape& shape);

  std::int64_t outputs() const override { return m_; }
  void AddBlocks(ParameterLayout* layout) const override;
  std::int64_t parameters() const override;
  // V normal with standard deviation gain / sqrt(o); c and D zero.
  void Initialize(std::uint64_t seed, T* theta) const override;
  void Forward(const T* theta, const T* f, T* y) const override;
  void Backward(const T* theta, const T* f, const T* dy, T* df, T* g) const override;
  bool has_outer() const override { return true; }
  void BackwardAsOuter(const T* theta, const T* f, const T* dy, T* df,
                       HeadOuter<T> outer) const override;

 private:
  std::int64_t bias() const { return shape_.cell_outputs * m_; }
  std::int64_t direct() const { return bias() + (bias_ ? m_ : 0); }

  HeadShape shape_;
  std::int64_t m_;
  bool bias_;
  double gain_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_HEADS_LINEAR_H_
