// Rules whose traces stay with a weight's own unit: immediate, RFLO, SnAp-1; and the rule without
// any.
#include <utility>

#include "tests/reference/rules/algebra.h"
#include "tests/reference/rules/list.h"

namespace millrace::reference {
namespace {

enum class Passing { kDecay, kCarry, kOwnJacobian };

class LocalRule final : public GradientRule {
 public:
  LocalRule(Passing passing, std::shared_ptr<const Cell> cell, const Part& part,
            const RuleDraws& draws)
      : passing_(passing),
        cell_(std::move(cell)),
        decay_(part.Number("decay", 0)),
        share_(part.Flag("normalised", false) ? 1 - decay_ : 1),
        feedback_(draws.feedback) {
    Reset();
  }

  std::unique_ptr<GradientRule> Clone() const override {
    return std::make_unique<LocalRule>(*this);
  }

  void Reset() override {
    traces_ = Matrix(cell_->shape().sensitive, cell_->shape().layout.Size());
  }

  void Advance(const Moment& moment) override {
    Matrix next = Product(Passed(moment.local), traces_);
    for (int k = 0; k < next.rows(); ++k) {
      for (int j = 0; j < next.columns(); ++j) {
        next(k, j) = Kept(k, j) ? next(k, j) + share_ * moment.local.immediate(k, j) : 0;
      }
    }
    traces_ = next;
  }

  Vector Gradient(const Vector& q, const Vector& dz) const override {
    if (feedback_.empty()) return TransposedProduct(traces_, q);
    Vector random(q.size());
    for (std::size_t o = 0; o < cell_->shape().outputs.size(); ++o) {
      double& signal = random[cell_->shape().outputs[o]];
      for (std::size_t k = 0; k < dz.size(); ++k) signal += feedback_[o * dz.size() + k] * dz[k];
    }
    return TransposedProduct(traces_, random);
  }

 private:
  // Immediate traces mix no rows, so that they keep all: in a cell with a weight that reaches other
  // units within one step, those are in the gradient too.
  bool Kept(int k, int j) const {
    return passing_ == Passing::kDecay ||
           cell_->shape().UnitOfState(k) == cell_->shape().UnitOfWeight(j);
  }

  // What the traces pass through, [N, N].
  Matrix Passed(const Local& local) const {
    if (passing_ == Passing::kCarry) return local.carry;
    if (passing_ == Passing::kOwnJacobian) return Sum(local.carry, local.recurrent);
    Matrix passed(traces_.rows(), traces_.rows());
    for (int k = 0; k < passed.rows(); ++k) passed(k, k) = decay_;
    return passed;
  }

  Passing passing_;
  std::shared_ptr<const Cell> cell_;
  double decay_, share_;
  Vector feedback_;
  Matrix traces_;  // [N, p]
};

class FrozenRule final : public GradientRule {
 public:
  explicit FrozenRule(int weights) : weights_(weights) {}
  std::unique_ptr<GradientRule> Clone() const override {
    return std::make_unique<FrozenRule>(*this);
  }
  void Reset() override {}
  void Advance(const Moment& /*moment*/) override {}
  Vector Gradient(const Vector& /*q*/, const Vector& /*dz*/) const override {
    return Vector(static_cast<std::size_t>(weights_));
  }

 private:
  int weights_;
};

}  // namespace

std::unique_ptr<GradientRule> MakeImmediate(const Part& part, std::shared_ptr<const Cell> cell,
                                            const RuleDraws& /*draws*/) {
  return std::make_unique<LocalRule>(Passing::kDecay, std::move(cell), part, RuleDraws{});
}

std::unique_ptr<GradientRule> MakeRflo(const Part& /*part*/, std::shared_ptr<const Cell> cell,
                                       const RuleDraws& draws) {
  return std::make_unique<LocalRule>(Passing::kCarry, std::move(cell), Part{}, draws);
}

std::unique_ptr<GradientRule> MakeSnap1(const Part& /*part*/, std::shared_ptr<const Cell> cell,
                                        const RuleDraws& /*draws*/) {
  return std::make_unique<LocalRule>(Passing::kOwnJacobian, std::move(cell), Part{}, RuleDraws{});
}

std::unique_ptr<GradientRule> MakeFrozen(const Part& /*part*/, std::shared_ptr<const Cell> cell,
                                         const RuleDraws& /*draws*/) {
  return std::make_unique<FrozenRule>(cell->shape().layout.Size());
}

}  // namespace millrace::reference
