// Unbiased estimates of the sensitivities by products of random signs: UORO and KF-RTRL.
//
//   UORO     nu [N]: A' = p0 J A + p1 nu, B' = B / p0 + P^T nu / p1; S ~ A B^T, A [N], B [p];
//            p0 = sqrt(|B| / |J A|), p1 = sqrt(|P^T nu| / |nu|)       (Tallec and Ollivier 2018)
//   KF-RTRL  nu [2]: A' = nu0 p0 A + nu1 p1 hh, B' = nu0 J B / p0 + nu1 D / p1, hh = [h'; x; 1],
//            D = diag(dh/da); S ~ A (kron) B, A [n + d + 1], B [n, n];
//            p0 = sqrt(|J B| / |A|), p1 = sqrt(|D| / |hh|)            (Mujika et al. 2018)
//
// A scale whose ratio has a 0 above or below is 1: that is what lets a stream start at A = B = 0.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tests/reference/rules/algebra.h"
#include "tests/reference/rules/list.h"

namespace millrace::reference {
namespace {

double Scale(double above, double below) {
  return above > 0 && below > 0 ? std::sqrt(above / below) : 1;
}

class UoroRule final : public GradientRule {
 public:
  UoroRule(std::shared_ptr<const Cell> cell, const RuleDraws& draws) : cell_(std::move(cell)) {
    Reset();
    if (!draws.left.empty()) a_ = draws.left;
    if (!draws.right.empty()) b_ = draws.right;
  }

  std::unique_ptr<GradientRule> Clone() const override { return std::make_unique<UoroRule>(*this); }
  int NoiseSize() const override { return cell_->shape().sensitive; }

  void Reset() override {
    a_.assign(cell_->shape().sensitive, 0);
    b_.assign(cell_->shape().layout.Size(), 0);
  }

  void Advance(const Moment& moment) override {
    const Vector& nu = moment.noise;
    const Vector passed = Product(Sum(moment.local.carry, moment.local.recurrent), a_);
    const Vector drawn = TransposedProduct(moment.local.immediate, nu);
    const double p0 = Scale(Norm(b_), Norm(passed));
    const double p1 = Scale(Norm(drawn), Norm(nu));
    for (std::size_t k = 0; k < a_.size(); ++k) a_[k] = p0 * passed[k] + p1 * nu[k];
    for (std::size_t j = 0; j < b_.size(); ++j) b_[j] = b_[j] / p0 + drawn[j] / p1;
  }

  Vector Gradient(const Vector& q, const Vector& /*dz*/) const override {
    Vector gradient = b_;
    for (double& value : gradient) value *= Dot(q, a_);
    return gradient;
  }

 private:
  std::shared_ptr<const Cell> cell_;
  Vector a_, b_;
};

class KfRtrlRule final : public GradientRule {
 public:
  KfRtrlRule(std::shared_ptr<const Cell> cell, const RuleDraws& draws) : cell_(std::move(cell)) {
    Reset();
    const int n = cell_->shape().units;
    if (!draws.left.empty()) a_ = draws.left;
    for (int i = 0; !draws.right.empty() && i < n; ++i) {
      for (int j = 0; j < n; ++j) b_(i, j) = draws.right[i * n + j];
    }
  }

  std::unique_ptr<GradientRule> Clone() const override {
    return std::make_unique<KfRtrlRule>(*this);
  }
  int NoiseSize() const override { return 2; }

  void Reset() override {
    const int n = cell_->shape().units;
    a_.assign(n + cell_->shape().inputs + 1, 0);
    b_ = Matrix(n, n);
  }

  void Advance(const Moment& moment) override {
    const int n = cell_->shape().units;
    Vector hh(moment.before.begin(), moment.before.begin() + n);
    hh.insert(hh.end(), moment.x.begin(), moment.x.end());
    hh.push_back(1);
    Matrix slope(n, n);  // dh/da is the derivative with respect to the bias
    const Block& bias = cell_->shape().layout.Find("bias");
    for (int i = 0; i < n; ++i) slope(i, i) = moment.local.immediate(i, bias.Place(0, i));
    const Matrix passed = Product(Sum(moment.local.carry, moment.local.recurrent), b_);
    const double p0 = Scale(Norm(passed.values()), Norm(a_));
    const double p1 = Scale(Norm(slope.values()), Norm(hh));
    const double nu0 = moment.noise[0];
    const double nu1 = moment.noise[1];
    for (std::size_t j = 0; j < a_.size(); ++j) a_[j] = nu0 * p0 * a_[j] + nu1 * p1 * hh[j];
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) b_(i, j) = nu0 * passed(i, j) / p0 + nu1 * slope(i, j) / p1;
    }
  }

  // Blocks lie in the order of hh, so that row j of all of them goes with A_j.
  Vector Gradient(const Vector& q, const Vector& /*dz*/) const override {
    const Vector unit = TransposedProduct(b_, q);
    Vector gradient;
    for (const double a : a_) {
      for (const double u : unit) gradient.push_back(a * u);
    }
    return gradient;
  }

 private:
  std::shared_ptr<const Cell> cell_;
  Vector a_;
  Matrix b_;
};

}  // namespace

std::unique_ptr<GradientRule> MakeUoro(const Part& /*part*/, std::shared_ptr<const Cell> cell,
                                       const RuleDraws& draws) {
  return std::make_unique<UoroRule>(std::move(cell), draws);
}

std::unique_ptr<GradientRule> MakeKfRtrl(const Part& /*part*/, std::shared_ptr<const Cell> cell,
                                         const RuleDraws& draws) {
  const CellShape& shape = cell->shape();
  if (shape.sensitive != shape.units || shape.layout.blocks().size() != 3) {
    std::fprintf(stderr, "kf_rtrl needs dh/dweights to be D (kron) [h'; x; 1]: cell vanilla\n");
    std::abort();
  }
  return std::make_unique<KfRtrlRule>(std::move(cell), draws);
}

}  // namespace millrace::reference
