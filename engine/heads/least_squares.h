// Recursive least squares with forgetting (Plackett 1950; Ljung and Soederstroem 1983) and a ridge
// that does not fade: the regression y = W f + c that is best, at every target, for all targets so
// far, those of long ago counting less.
//
// With f the features and a last one that is 1, P and its changes as in inverse_scatter.h, and a
// target t of weight w:
//   e = t - W^T f;  Update(f, b = w);  W += (g u) e^T;  Replenish;  W_i -= g q_i W_j for every i
// so that W stays A^-1 sum w f t^T exactly. The bias is under the ridge like the rest. An output
// that is not known waits: its column of W stays. Features that are all zero teach nothing.
#ifndef MILLRACE_ENGINE_HEADS_LEAST_SQUARES_H_
#define MILLRACE_ENGINE_HEADS_LEAST_SQUARES_H_

#include <vector>

#include "engine/heads/closed_form.h"
#include "engine/heads/inverse_scatter.h"

namespace millrace::engine {

PartDescription DescribeLeastSquares();

// State: the inverse scatter of k + 1 features.
template <typename T>
class LeastSquaresHead final : public ClosedFormHead<T> {
 public:
  LeastSquaresHead(const PartSpec& part, const HeadShape& shape);

  std::int64_t StateSize() const override { return scatter_.size(); }
  void InitializeState(T* state) const override { scatter_.Initialize(state); }
  bool Learn(const T* f, const TargetRow<T>& target, double weight, T* theta,
             T* state) const override;

 private:
  // errors_ = target - W^T f, 0 where an output is not known. False where one is not finite.
  bool Errors(const T* theta, const T* f, const TargetRow<T>& target) const;

  InverseScatter<T> scatter_;
  mutable std::vector<T> extended_;      // [k + 1] f, 1
  mutable std::vector<T> errors_, row_;  // [m]
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_HEADS_LEAST_SQUARES_H_
