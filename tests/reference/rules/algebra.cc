#include "tests/reference/rules/algebra.h"

#include <cmath>

namespace millrace::reference {

Matrix Sum(const Matrix& a, const Matrix& b) {
  Matrix sum = a;
  for (int i = 0; i < a.rows(); ++i) {
    for (int j = 0; j < a.columns(); ++j) sum(i, j) += b(i, j);
  }
  return sum;
}

Matrix Product(const Matrix& a, const Matrix& b) {
  Matrix product(a.rows(), b.columns());
  for (int i = 0; i < a.rows(); ++i) {
    for (int l = 0; l < a.columns(); ++l) {
      if (a(i, l) == 0) continue;
      for (int j = 0; j < b.columns(); ++j) product(i, j) += a(i, l) * b(l, j);
    }
  }
  return product;
}

Vector Product(const Matrix& a, const Vector& b) {
  Vector product(static_cast<std::size_t>(a.rows()));
  for (int i = 0; i < a.rows(); ++i) {
    for (int l = 0; l < a.columns(); ++l) {
      product[i] += a(i, l) * b[l];
    }
  }
  return product;
}

Vector TransposedProduct(const Matrix& a, const Vector& b) {
  Vector product(static_cast<std::size_t>(a.columns()));
  for (int l = 0; l < a.rows(); ++l) {
    for (int i = 0; i < a.columns(); ++i) {
      product[i] += a(l, i) * b[l];
    }
  }
  return product;
}

double Dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double Norm(const Vector& a) { return std::sqrt(Dot(a, a)); }

}  // namespace millrace::reference
