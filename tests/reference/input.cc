#include "tests/reference/input.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace millrace::reference {
namespace {

double Transformed(Transform transform, double x) {
  switch (transform) {
    case Transform::kSquareRoot:
      return std::sqrt(x);
    case Transform::kLog1p:
      return std::log1p(x);
    case Transform::kNone:
      break;
  }
  return x;
}

}  // namespace

Input::Input(const InputSetup& setup)
    : setup_(setup),
      mean_(setup.size),
      variance_(setup.size, 1.0),
      last_z_(setup.size),
      last_x_(setup.size, std::numeric_limits<double>::quiet_NaN()),
      count_(setup.size),
      unchanged_(setup.size) {}

bool Input::Silent(int channel, double x) {
  unchanged_[channel] = x == last_x_[channel] ? unchanged_[channel] + 1 : 0;
  last_x_[channel] = x;
  return setup_.silent_after > 0 && unchanged_[channel] >= setup_.silent_after;
}

double Input::Normalised(int channel, double value) const {
  if (!setup_.normalise) return value;
  const double sd = std::sqrt(variance_[channel] + setup_.floor);
  return std::clamp((value - mean_[channel]) / sd, -5.0, 5.0);
}

void Input::TakeIn(int channel, double value) {
  const double t = count_[channel]++;
  const double a = std::max(1 / (t + 2), 1 / setup_.window);
  double dev = value - mean_[channel];
  if (t > 100) {
    const double bound = 5 * std::sqrt(variance_[channel] + setup_.floor);
    dev = std::clamp(dev, -bound, bound);
  }
  mean_[channel] += a * dev;
  variance_[channel] = (1 - a) * (variance_[channel] + a * dev * dev);
}

Taken Input::Step(const Vector& x) {
  Taken taken{Vector(setup_.size), std::vector<bool>(setup_.size)};
  for (int c = 0; c < setup_.size; ++c) {
    if (std::isnan(x[c]) || Silent(c, x[c])) {
      taken.z[c] = setup_.normalise ? 0 : mean_[c];
    } else {
      const double value = Transformed(setup_.transform, x[c]);
      taken.present[c] = true;
      taken.z[c] = Normalised(c, value);
      TakeIn(c, value);
    }
  }
  last_z_ = taken.z;
  return taken;
}

Taken Input::StepByte(std::uint8_t byte) {
  Taken taken{Vector(setup_.size), std::vector<bool>(setup_.size, true)};
  taken.z[byte] = 1;
  return taken;
}

Taken Input::StepNothing() {
  Taken taken{Vector(setup_.size), std::vector<bool>(setup_.size)};
  if (setup_.bytes || setup_.skip == Skip::kZero) return taken;
  if (setup_.skip == Skip::kDecay) {
    for (double& z : last_z_) z *= setup_.skip_decay;
  }
  taken.z = last_z_;
  return taken;
}

}  // namespace millrace::reference
