// Regression in closed form with forgetting (Plackett 1950): with f the features and a last one
// that is 1, A = lambda^w A + w f f^T, B = lambda^w B + w f t^T, and W = A^-1 B, the bias its last
// row. An output that is not known waits with its column of W, so that its column of B is A W.
#include <cmath>

#include "tests/reference/heads/closed_form.h"

namespace millrace::reference {
namespace {

class LeastSquares final : public HeadOf<AllFeatures> {
 public:
  LeastSquares(const Part& part, const HeadShape& shape)
      : HeadOf<AllFeatures>(part, shape), scatter_(part, shape.cell_outputs + shape.direct + 1) {}

  // A and its turn; B = A W of the weights needs no place of its own.
  Vector InitialState() const override { return scatter_.Initial(); }

  void Learn(const Vector& features, const Target& target, double weight, Vector* weights,
             Vector* state) const override {
    if (IsSilent(features)) return;
    Vector f = features;
    f.push_back(1);
    const Vector before = *state;
    scatter_.TakeIn(f, weight, weight, state);
    const auto m = static_cast<std::size_t>(shape_.outputs);
    for (std::size_t c = 0; c < m; ++c) {
      if (std::isnan(target.values[c])) continue;
      Vector column;
      for (std::size_t i = 0; i < f.size(); ++i) column.push_back((*weights)[i * m + c]);
      Vector sum = scatter_.Times(before, column);
      for (std::size_t i = 0; i < f.size(); ++i) {
        sum[i] = scatter_.Kept(weight) * sum[i] + weight * f[i] * target.values[c];
      }
      column = scatter_.Solve(*state, sum);
      for (std::size_t i = 0; i < f.size(); ++i) (*weights)[i * m + c] = column[i];
    }
  }

 private:
  Scatter scatter_;
};

}  // namespace

std::shared_ptr<const Head> MakeLeastSquares(const Part& part, const HeadShape& shape) {
  return std::make_shared<LeastSquares>(part, shape);
}

}  // namespace millrace::reference
