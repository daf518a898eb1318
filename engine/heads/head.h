// Heads: hidden state to outputs, y = head(h), and its backward pass at the same step.
//
// A head is hyper-parameters only; parameters belong to the caller: weights_t [n, m] input-major
// (row i: from unit i), then bias [m] if there is one. Thread-safe after construction.
#ifndef MILLRACE_ENGINE_HEADS_HEAD_H_
#define MILLRACE_ENGINE_HEADS_HEAD_H_

#include <cstdint>

namespace millrace::engine {

template <typename T>
class Head {
 public:
  virtual ~Head() = default;
  virtual std::int64_t outputs() const = 0;     // m
  virtual std::int64_t parameters() const = 0;  // of the group readout
  virtual bool has_bias() const = 0;
  virtual void Initialize(std::uint64_t seed, T* theta) const = 0;
  // y [m] from h [n].
  virtual void Forward(const T* theta, const T* h, T* y) const = 0;
  // From dy = dL/dy [m]: q = dL/dh [n] and the gradient g of the head's own parameters.
  virtual void Backward(const T* theta, const T* h, const T* dy, T* q, T* g) const = 0;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_HEADS_HEAD_H_
