// The losses of the reference and their derivatives with respect to the outputs y [m].
// Thread-safe: values, pure functions. m outputs.
#ifndef MILLRACE_TESTS_REFERENCE_LOSSES_H_
#define MILLRACE_TESTS_REFERENCE_LOSSES_H_

#include <string>
#include <vector>

#include "tests/reference/vector.h"

namespace millrace::reference {

// What is known about a step's outputs.
struct Target {
  Vector values;  // [m] NaN: not known; or probabilities, or one-hot for a class
  double weight = 1;
};

struct LossResult {
  double loss = 0;
  Vector dz;                // [m] dL/dy, 0 where not known
  std::vector<bool> known;  // [m]
};

// The mean over the known outputs of (y - target)^2.
LossResult SquaredError(const Vector& y, const Vector& target);

// - sum_k p_k log softmax(y)_k.
LossResult CrossEntropy(const Vector& y, const Vector& probabilities);

// The mean over the known outputs of - t log sigmoid(y) - (1 - t) log sigmoid(-y).
LossResult BinaryCrossEntropy(const Vector& y, const Vector& target);

// The mean over the known outputs of e^y - t y: counts t of rate e^y, without their own constant.
// Above y = 30 the exponential goes on as its tangent, e^30 (y - 29).
LossResult Poisson(const Vector& y, const Vector& target);

// By the name of the list: mean_squared_error, cross_entropy, binary_cross_entropy, poisson. Ends
// the program where there is none of the name.
LossResult LossOf(const std::string& name, const Vector& y, const Vector& target);
std::vector<std::string> LossNames();

Vector Softmax(const Vector& y);

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_LOSSES_H_
