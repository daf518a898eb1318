// Numbers with few bits, from their definition: the nearest multiple of a power of two.
// Thread-safe: pure functions.
#ifndef MILLRACE_TESTS_REFERENCE_RULES_ROUNDING_H_
#define MILLRACE_TESTS_REFERENCE_RULES_ROUNDING_H_

#include "tests/reference/vector.h"

namespace millrace::reference {

// 11 significant bits, ties away from zero; 8, ties to the even one. Exponents are not bounded.
double Tf32(double x);
double Bf16(double x);
Matrix Rounded(const Matrix& a, double (*round)(double));

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_RULES_ROUNDING_H_
