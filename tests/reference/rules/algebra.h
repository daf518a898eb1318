// The few dense products that rules are written in. Thread-safe: pure functions.
#ifndef MILLRACE_TESTS_REFERENCE_RULES_ALGEBRA_H_
#define MILLRACE_TESTS_REFERENCE_RULES_ALGEBRA_H_

#include "tests/reference/vector.h"

namespace millrace::reference {

Matrix Sum(const Matrix& a, const Matrix& b);
// a b.
Matrix Product(const Matrix& a, const Matrix& b);
Vector Product(const Matrix& a, const Vector& b);
// a^T b.
Vector TransposedProduct(const Matrix& a, const Vector& b);
double Dot(const Vector& a, const Vector& b);
// Euclidean; of a matrix Frobenius'.
double Norm(const Vector& a);

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_RULES_ALGEBRA_H_
