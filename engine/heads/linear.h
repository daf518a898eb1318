// The linear head: y = V h + c.
#ifndef MILLRACE_ENGINE_HEADS_LINEAR_H_
#define MILLRACE_ENGINE_HEADS_LINEAR_H_

#include "engine/heads/head.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeLinear();

template <typename T>
class LinearHead final : public Head<T> {
 public:
  LinearHead(const PartSpec& part, std::int64_t units);

  std::int64_t outputs() const override { return m_; }
  std::int64_t parameters() const override { return n_ * m_ + (bias_ ? m_ : 0); }
  bool has_bias() const override { return bias_; }
  void Initialize(std::uint64_t seed, T* theta) const override;
  void Forward(const T* theta, const T* h, T* y) const override;
  void Backward(const T* theta, const T* h, const T* dy, T* q, T* g) const override;

 private:
  std::int64_t n_, m_;
  bool bias_;
  double gain_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_HEADS_LINEAR_H_
