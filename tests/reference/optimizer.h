// The reference's optimizers: each weight has slots, powers and a turn of its own, so that weights
// of an input that was not there, or of an output that was not known, wait.
//
//   sgd       m = mu m + g ; theta -= rate m                                     (Polyak 1964)
//   rmsprop   v = b2 v + (1 - b2) g^2 ; theta -= rate g / (sqrt(v / (1 - b2^k)) + eps)
//             uncorrected: without (1 - b2^k); epsilon_inside: / sqrt(v / .. + eps)
//                                                                   (Tieleman and Hinton 2012)
//   adam      m = b1 m + (1 - b1) g, v as above ; theta -= rate (m / (1 - b1^k)) / (sqrt(..) + eps)
//                                                                   (Kingma and Ba 2015)
//   adamw     adam, and theta -= rate decay theta                   (Loshchilov and Hutter 2019)
//
// k counts the updates of that weight. Thread-compatible.
#ifndef MILLRACE_TESTS_REFERENCE_OPTIMIZER_H_
#define MILLRACE_TESTS_REFERENCE_OPTIMIZER_H_

#include <array>
#include <vector>

#include "tests/reference/network.h"

namespace millrace::reference {

enum class OptimizerKind { kSgd, kRmsprop, kAdam, kAdamw };

struct OptimizerSetup {
  OptimizerKind kind = OptimizerKind::kRmsprop;
  std::array<double, kGroups> rates{1e-3, 1e-3, 1e-3, 1e-3};  // by Group; 0: never changes
  double momentum = 0;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double epsilon = 1e-8;
  double weight_decay = 0;
  bool uncorrected = false;
  bool epsilon_inside = false;
};

class Optimizer {
 public:
  Optimizer(const OptimizerSetup& setup, const Shape& shape);

  // Changes the weights whose turn it is. gradient, active, weights [Size()].
  void Update(const Vector& gradient, const std::vector<bool>& active, Vector* weights);

  OptimizerSetup& setup() { return setup_; }
  const OptimizerSetup& setup() const { return setup_; }
  const Vector& first() const { return first_; }
  const Vector& second() const { return second_; }

 private:
  double Change(int place, double gradient, double rate, double weight);

  OptimizerSetup setup_;
  Shape shape_;
  Vector first_, second_;   // slots
  Vector power1_, power2_;  // beta^k of each weight
};

// Scales gradient so that the norm over the active weights is at most `limit` (0: never), over all
// groups together or each group apart. Returns whether it did.
bool Clip(const Shape& shape, double limit, bool per_group, const std::vector<bool>& active,
          Vector* gradient);

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_OPTIMIZER_H_
