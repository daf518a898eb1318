// What the closed-form heads have in common: outputs linear in all features, y = W f + c, with
// weights that the head itself sets at each target and the optimizer never moves. They are
// parameters like others, so that shadow, good copy and snapshot hold them.
#ifndef MILLRACE_ENGINE_HEADS_CLOSED_FORM_H_
#define MILLRACE_ENGINE_HEADS_CLOSED_FORM_H_

#include <vector>

#include "engine/heads/head.h"
#include "engine/spec.h"

namespace millrace::engine {

// outputs, those of the scatter, those of the features.
std::vector<SettingDescription> ClosedFormSettings();

// Blocks, not learned by the optimizer: readout [k, m], readout_bias [1, m]. They start at zero.
template <typename T>
class ClosedFormHead : public Head<T> {
 public:
  std::int64_t outputs() const override { return m_; }
  void AddBlocks(ParameterLayout* layout) const override;
  std::int64_t parameters() const override { return bias() + m_; }
  void Initialize(std::uint64_t seed, T* theta) const override;
  void Forward(const T* theta, const T* f, T* y) const override;
  // The gradient of what the optimizer does not learn is left alone.
  void Backward(const T* theta, const T* f, const T* dy, T* df, T* g) const override;

 protected:
  ClosedFormHead(const PartSpec& part, const HeadShape& shape)
      : shape_(shape), m_(part.Integer("outputs")) {}

  std::int64_t features() const { return shape_.features(); }  // k
  std::int64_t bias() const { return features() * m_; }
  // Features that are all zero are silence: nothing can be learned from them.
  bool Silent(const T* f) const;

 private:
  HeadShape shape_;
  std::int64_t m_;
};

// matrix[i, c] += column[i] row[c]. matrix [k, m], column [k], row [m].
template <typename T>
void AddOuterProduct(const std::vector<T>& column, const std::vector<T>& row, T* matrix);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_HEADS_CLOSED_FORM_H_
