// Exponential averages, bias-corrected by their own weight.
//
// With decay g a value that came k additions ago has weight proportional to g^k; nothing is assumed
// before the first one. Thread-compatible; O(1), nothing allocated.
#ifndef MILLRACE_ENGINE_MONITOR_AVERAGES_H_
#define MILLRACE_ENGINE_MONITOR_AVERAGES_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "engine/state.h"

namespace millrace::engine {

// 2^(-1 / half_life).
double DecayOf(double half_life);

// Mean and variance of the values (West 1979).
class Average {
 public:
  void Add(double x, double decay);
  void Clear() { *this = Average(); }

  std::optional<double> Mean() const;
  // 0 before the first value, as are the three below.
  double mean() const { return mean_; }
  // About the weighted mean.
  double variance() const;
  // Variance of the mean, values taken as independent: with n = (sum w)^2 / sum w^2 effective
  // values it is variance / (n - 1). Infinite before the second value.
  double mean_variance() const;

  void Visit(StateVisitor& visitor, absl::string_view name);

 private:
  double mean_ = 0;
  double weight_ = 0;      // sum w
  double squares_ = 0;     // sum w^2
  double deviations_ = 0;  // sum w (x - mean)^2
};

// A share of things that come several at a time: correct steps of scored ones.
class Share {
 public:
  void Add(double amount, double count, double decay);
  void Clear() { *this = Share(); }
  std::optional<double> Value() const;
  void Visit(StateVisitor& visitor, absl::string_view name);

 private:
  double amount_ = 0;
  double count_ = 0;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_MONITOR_AVERAGES_H_
