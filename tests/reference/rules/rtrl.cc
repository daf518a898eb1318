// Full and sparse real-time recurrent learning: all sensitivities, or what a mask leaves of the
// path through the recurrent weights. Their numbers may have few bits (rounding.h): the factors of
// the product with the recurrent part, or what is kept from one step to the next.
#include <optional>
#include <utility>

#include "tests/reference/rules/algebra.h"
#include "tests/reference/rules/list.h"
#include "tests/reference/rules/masks.h"
#include "tests/reference/rules/rounding.h"

namespace millrace::reference {
namespace {

class RtrlRule final : public GradientRule {
 public:
  RtrlRule(const Part& part, std::shared_ptr<const Cell> cell, std::optional<Mask> mask)
      : cell_(std::move(cell)),
        mask_(std::move(mask)),
        tf32_(part.Text("sensitivities", "full") == "tf32"),
        bf16_(part.Text("sensitivities", "full") == "bf16") {
    Reset();
  }

  std::unique_ptr<GradientRule> Clone() const override { return std::make_unique<RtrlRule>(*this); }

  void Reset() override {
    sensitivity_ = Matrix(cell_->shape().sensitive, cell_->shape().layout.Size());
    if (mask_) mask_->Reset();
  }

  void Advance(const Moment& moment) override {
    Matrix recurrent = moment.local.recurrent;
    if (mask_) {
      const Matrix kept = mask_->Step(moment);
      const int n = cell_->shape().units;
      for (int k = 0; k < recurrent.rows(); ++k) {
        for (int l = 0; l < recurrent.columns(); ++l) recurrent(k, l) *= kept(k % n, l % n);
      }
    }
    const Matrix before = bf16_ ? Rounded(sensitivity_, Bf16) : sensitivity_;
    const Matrix fed_back = tf32_ ? Product(Rounded(recurrent, Tf32), Rounded(before, Tf32))
                                  : Product(recurrent, before);
    sensitivity_ = Sum(Sum(fed_back, Product(moment.local.carry, before)), moment.local.immediate);
  }

  Vector Gradient(const Vector& q, const Vector& /*dz*/) const override {
    return TransposedProduct(sensitivity_, q);
  }

 private:
  std::shared_ptr<const Cell> cell_;
  std::optional<Mask> mask_;
  bool tf32_, bf16_;
  Matrix sensitivity_;  // [N, p], of the step taken in last: kept as it is rounded
};

}  // namespace

std::unique_ptr<GradientRule> MakeRtrl(const Part& part, std::shared_ptr<const Cell> cell,
                                       const RuleDraws& /*draws*/) {
  return std::make_unique<RtrlRule>(part, std::move(cell), std::nullopt);
}

std::unique_ptr<GradientRule> MakeSparseRtrl(const Part& part, std::shared_ptr<const Cell> cell,
                                             const RuleDraws& draws) {
  const Mask mask(part, cell, draws);
  return std::make_unique<RtrlRule>(part, std::move(cell), mask);
}

}  // namespace millrace::reference
