// Reverse-mode automatic differentiation of scalars, so that cells and heads are written as their
// forward formulas only and no derivative is derived by hand.
//
//   Tape tape;
//   const Variable x = tape.Leaf(2), y = Exp(x) * x;
//   const Vector slopes = tape.Backward(y);   // dy/d(leaf or anything before), by Variable::place
//
// The same formulas run on double: Exp, Log, Tanh, Sigmoid, Sqrt, Sin, Cos, Expm1 and Log1p exist
// for both, and Held(x) is x as a constant. A tape outlives its variables. Thread-compatible.
// O(operations) bytes; Backward O(operations).
#ifndef MILLRACE_TESTS_REFERENCE_AD_H_
#define MILLRACE_TESTS_REFERENCE_AD_H_

#include <cmath>
#include <vector>

#include "tests/reference/vector.h"

namespace millrace::reference {

class Tape;

// A value and its place on a tape; without a tape it is a constant.
struct Variable {
  Variable() = default;
  Variable(double constant) : value(constant) {}  // NOLINT(google-explicit-constructor)
  Variable(double value_of_it, Tape* owner, int place_on_it)
      : value(value_of_it), tape(owner), place(place_on_it) {}

  double value = 0;
  Tape* tape = nullptr;
  int place = -1;
};

class Tape {
 public:
  Variable Leaf(double value) { return Push(value, -1, 0, -1, 0); }

  // A value that depends on the places a and b (-1: on none) with these derivatives.
  Variable Push(double value, int a, double slope_a, int b, double slope_b) {
    entries_.push_back({a, b, slope_a, slope_b});
    return {value, this, static_cast<int>(entries_.size()) - 1};
  }

  // d value / d (everything on the tape), by place; all 0 for a constant.
  Vector Backward(const Variable& value) const {
    Vector slopes(entries_.size());
    if (value.tape == nullptr) return slopes;
    slopes[value.place] = 1;
    for (int place = value.place; place >= 0; --place) {
      const Entry& entry = entries_[place];
      const double slope = slopes[place];
      if (slope == 0) continue;
      if (entry.a >= 0) slopes[entry.a] += slope * entry.slope_a;
      if (entry.b >= 0) slopes[entry.b] += slope * entry.slope_b;
    }
    return slopes;
  }

 private:
  struct Entry {
    int a, b;
    double slope_a, slope_b;
  };

  std::vector<Entry> entries_;
};

inline Variable Unary(const Variable& x, double value, double slope) {
  if (x.tape == nullptr) return value;
  return x.tape->Push(value, x.place, slope, -1, 0);
}

inline Variable Combined(double value, const Variable& x, double slope_x, const Variable& y,
                         double slope_y) {
  Tape* const tape = x.tape != nullptr ? x.tape : y.tape;
  if (tape == nullptr) return value;
  return tape->Push(value, x.place, slope_x, y.place, slope_y);
}

inline Variable operator+(const Variable& x, const Variable& y) {
  return Combined(x.value + y.value, x, 1, y, 1);
}
inline Variable operator-(const Variable& x, const Variable& y) {
  return Combined(x.value - y.value, x, 1, y, -1);
}
inline Variable operator-(const Variable& x) { return Unary(x, -x.value, -1); }
inline Variable operator*(const Variable& x, const Variable& y) {
  return Combined(x.value * y.value, x, y.value, y, x.value);
}
inline Variable operator/(const Variable& x, const Variable& y) {
  const double ratio = x.value / y.value;
  return Combined(ratio, x, 1 / y.value, y, -ratio / y.value);
}
inline Variable& operator+=(Variable& x, const Variable& y) { return x = x + y; }

inline double Exp(double x) { return std::exp(x); }
inline double Expm1(double x) { return std::expm1(x); }
inline double Log(double x) { return std::log(x); }
inline double Log1p(double x) { return std::log1p(x); }
inline double Tanh(double x) { return std::tanh(x); }
inline double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline double Sqrt(double x) { return std::sqrt(x); }
inline double Sin(double x) { return std::sin(x); }
inline double Cos(double x) { return std::cos(x); }
inline double Held(double x) { return x; }
inline double ValueOf(double x) { return x; }

inline Variable Exp(const Variable& x) {
  const double value = std::exp(x.value);
  return Unary(x, value, value);
}
inline Variable Expm1(const Variable& x) {
  return Unary(x, std::expm1(x.value), std::exp(x.value));
}
inline Variable Log(const Variable& x) { return Unary(x, std::log(x.value), 1 / x.value); }
inline Variable Log1p(const Variable& x) {
  return Unary(x, std::log1p(x.value), 1 / (1 + x.value));
}
inline Variable Tanh(const Variable& x) {
  const double value = std::tanh(x.value);
  return Unary(x, value, 1 - value * value);
}
inline Variable Sigmoid(const Variable& x) {
  const double value = Sigmoid(x.value);
  return Unary(x, value, value * Sigmoid(-x.value));
}
inline Variable Sqrt(const Variable& x) {
  const double value = std::sqrt(x.value);
  return Unary(x, value, 0.5 / value);
}
inline Variable Sin(const Variable& x) { return Unary(x, std::sin(x.value), std::cos(x.value)); }
inline Variable Cos(const Variable& x) { return Unary(x, std::cos(x.value), -std::sin(x.value)); }
inline Variable Held(const Variable& x) { return x.value; }
inline double ValueOf(const Variable& x) { return x.value; }

// log(1 + e^x) without overflow; its derivative is the sigmoid whichever branch is taken.
template <typename S>
S Softplus(const S& x) {
  return ValueOf(x) > 0 ? x + Log1p(Exp(-x)) : Log1p(Exp(x));
}

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_AD_H_
