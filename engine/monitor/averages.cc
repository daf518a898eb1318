#include "engine/monitor/averages.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "kernels/math/exp.h"

namespace millrace::engine {
namespace {

constexpr double kLn2 = 0.69314718055994530942;

}  // namespace

double DecayOf(double half_life) { return kernels::Exp(-kLn2 / half_life); }

void Average::Add(double x, double decay) {
  // New values weigh 1: only ratios of weights are ever used.
  weight_ = decay * weight_ + 1;
  squares_ = decay * decay * squares_ + 1;
  const double before = x - mean_;
  mean_ += before / weight_;
  deviations_ = decay * deviations_ + before * (x - mean_);
}

std::optional<double> Average::Mean() const {
  if (weight_ == 0) return std::nullopt;
  return mean_;
}

double Average::variance() const { return weight_ == 0 ? 0 : deviations_ / weight_; }

double Average::mean_variance() const {
  const double effective = weight_ == 0 ? 0 : weight_ * weight_ / squares_;
  // The second value makes it at least 1 + decay^2 / 2 or so; rounding may leave the first at 1 +
  // e.
  if (effective < 1.000001) return std::numeric_limits<double>::infinity();
  return variance() / (effective - 1);
}

void Average::Visit(StateVisitor& visitor, absl::string_view name) {
  visitor.Value(absl::StrCat(name, ".mean"), mean_);
  visitor.Value(absl::StrCat(name, ".weight"), weight_);
  visitor.Value(absl::StrCat(name, ".squares"), squares_);
  visitor.Value(absl::StrCat(name, ".deviations"), deviations_);
}

void Share::Add(double amount, double count, double decay) {
  amount_ = decay * amount_ + amount;
  count_ = decay * count_ + count;
}

std::optional<double> Share::Value() const {
  if (count_ == 0) return std::nullopt;
  return amount_ / count_;
}

void Share::Visit(StateVisitor& visitor, absl::string_view name) {
  visitor.Value(absl::StrCat(name, ".amount"), amount_);
  visitor.Value(absl::StrCat(name, ".count"), count_);
}

}  // namespace millrace::engine
