#include "tests/reference/rules/masks.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <utility>

namespace millrace::reference {
namespace {

constexpr int kStepsOfAChoice = 200;

int BlockUnits(const CellShape& shape) {
  for (const Block& block : shape.layout.blocks()) {
    if (block.group == "recurrent") return block.rows;
  }
  return shape.units;
}

}  // namespace

Mask::Mask(const Part& part, std::shared_ptr<const Cell> cell, const RuleDraws& draws)
    : part_(part),
      cell_(std::move(cell)),
      given_(draws.neighbours),
      n_(cell_->shape().units),
      k_(part.Integer("k", 4)),
      c_(BlockUnits(cell_->shape())) {}

Matrix Mask::Step(const Moment& moment) {
  const std::string kind = part_.Text("mask", "ring");
  Matrix mask;
  if (kind == "ring") {
    mask = Ring();
  } else if (kind == "random") {
    mask = Given();
  } else if (kind == "block") {
    mask = Blocks();
  } else if (kind == "dynamic") {
    mask = Highest(DerivativeScores(moment.local.recurrent));
  } else if (kind == "oracle" || kind == "anti_oracle") {
    if (steps_ % kStepsOfAChoice == 0) {
      Matrix scores = WeightScores(moment.weights);
      for (int i = 0; kind == "anti_oracle" && i < n_; ++i) {
        for (int l = 0; l < n_; ++l) scores(i, l) = -scores(i, l);
      }
      chosen_ = Highest(scores);
    }
    mask = chosen_;
  } else {
    std::fprintf(stderr, "the reference has no mask '%s'\n", kind.c_str());
    std::abort();
  }
  ++steps_;
  for (int i = 0; i < n_; ++i) mask(i, i) = part_.Flag("include_self", true) ? 1 : 0;
  return mask;
}

Matrix Mask::Ring() const {
  Matrix mask(n_, n_);
  for (int i = 0; i < n_; ++i) {
    const int first = i / c_ * c_;
    for (int offset = 1; offset <= k_ / 2; ++offset) {
      mask(i, first + (i - first + offset) % c_) = 1;
      mask(i, first + ((i - first - offset) % c_ + c_) % c_) = 1;
    }
  }
  return mask;
}

Matrix Mask::Given() const {
  Matrix mask(n_, n_);
  for (int i = 0; i < n_; ++i) {
    for (const int l : given_[i]) mask(i, l) = 1;
  }
  return mask;
}

Matrix Mask::Blocks() const {
  Matrix mask(n_, n_);
  for (int i = 0; i < n_; ++i) {
    for (int l = 0; l < n_; ++l) mask(i, l) = i / k_ == l / k_ ? 1 : 0;
  }
  return mask;
}

Matrix Mask::Highest(const Matrix& scores) const {
  Matrix mask(n_, n_);
  for (int i = 0; i < n_; ++i) {
    std::vector<int> order(static_cast<std::size_t>(c_));
    std::iota(order.begin(), order.end(), i / c_ * c_);
    order.erase(order.begin() + i % c_);
    std::stable_sort(order.begin(), order.end(),
                     [&](int a, int b) { return scores(i, a) > scores(i, b); });
    for (int place = 0; place < std::min(k_, c_ - 1); ++place) {
      mask(i, order[place]) = 1;
    }
  }
  return mask;
}

Matrix Mask::WeightScores(const Vector& weights) const {
  Matrix scores(n_, n_);
  for (const Block& block : cell_->shape().layout.blocks()) {
    if (block.group != "recurrent") continue;
    for (int i = 0; i < n_; ++i) {
      const int first = i / block.rows * block.rows;
      for (int j = 0; j < block.rows; ++j) {
        scores(i, first + j) += std::abs(weights[block.Place(j, i)]);
      }
    }
  }
  return scores;
}

Matrix Mask::DerivativeScores(const Matrix& recurrent) const {
  Matrix scores(n_, n_);
  for (int k = 0; k < recurrent.rows(); ++k) {
    for (int l = 0; l < recurrent.columns(); ++l) {
      scores(k % n_, l % n_) += std::abs(recurrent(k, l));
    }
  }
  return scores;
}

}  // namespace millrace::reference
