#include "engine/random.h"

#include "kernels/math/log.h"
#include "kernels/math/sqrt.h"

namespace millrace::engine {
namespace {

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15u;

std::uint64_t Mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

}  // namespace

Random::Random(std::uint64_t seed, std::uint64_t stream)
    : state_(Mix(seed + kGolden) ^ Mix(~stream * kGolden)) {}

std::uint64_t Random::Bits() {
  state_ += kGolden;
  return Mix(state_);
}

double Random::Uniform() { return static_cast<double>(Bits() >> 11) * 0x1.0p-53; }

double Random::Normal() {
  for (;;) {
    const double u = 2.0 * Uniform() - 1.0;
    const double v = 2.0 * Uniform() - 1.0;
    const double s = u * u + v * v;
    if (s > 0.0 && s < 1.0) return u * kernels::Sqrt(-2.0 * kernels::Log(s) / s);
  }
}

}  // namespace millrace::engine
