#include "tests/reference/rules/rounding.h"

#include <cmath>

namespace millrace::reference {

double Tf32(double x) {
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);
  return std::ldexp(std::round(std::ldexp(fraction, 11)), exponent - 11);
}

double Bf16(double x) {
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(fraction, 8)), exponent - 8);
}

Matrix Rounded(const Matrix& a, double (*round)(double)) {
  Matrix rounded = a;
  for (int i = 0; i < a.rows(); ++i) {
    for (int j = 0; j < a.columns(); ++j) rounded(i, j) = round(a(i, j));
  }
  return rounded;
}

}  // namespace millrace::reference
