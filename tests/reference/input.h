// The reference's input stage: transform, missing and silent channels, running normalisation.
//
//   z = clip((x - mu) / sqrt(v + floor), +-5), with mu and v from before x; then
//   a = max(1 / (t + 2), 1 / window), t the values taken in before;
//   dev = x - mu, within +-5 sqrt(v + floor) once t > 100; mu += a dev; v = (1 - a) (v + a dev^2).
// v starts at 1, mu at 0. A missing value enters as the running mean and is not taken in; a channel
// that has not changed for `silent_after` steps counts as missing.
// Thread-compatible. O(d) a step.
#ifndef MILLRACE_TESTS_REFERENCE_INPUT_H_
#define MILLRACE_TESTS_REFERENCE_INPUT_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "tests/reference/vector.h"

namespace millrace::reference {

enum class Transform { kNone, kSquareRoot, kLog1p };
enum class Skip { kZero, kHold, kDecay };

struct InputSetup {
  bool bytes = false;
  int size = 0;  // d; 256 for bytes
  Transform transform = Transform::kNone;
  bool normalise = false;
  double window = 1000;
  double floor = 1e-2;
  int silent_after = 0;
  Skip skip = Skip::kZero;
  double skip_decay = 0.9;
};

struct Taken {
  Vector z;                   // [d]
  std::vector<bool> present;  // [d]
};

class Input {
 public:
  explicit Input(const InputSetup& setup);

  // x [d], NaN: missing.
  Taken Step(const Vector& x);
  Taken StepByte(std::uint8_t byte);
  // A step without input.
  Taken StepNothing();

  const Vector& mean() const { return mean_; }
  const Vector& variance() const { return variance_; }

 private:
  bool Silent(int channel, double x);
  double Normalised(int channel, double value) const;
  void TakeIn(int channel, double value);

  InputSetup setup_;
  Vector mean_, variance_, last_z_, last_x_;
  std::vector<int> count_, unchanged_;
};

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_INPUT_H_
