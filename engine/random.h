// Pseudo-random numbers that are the same on every machine: SplitMix64 (Steele, Lea and Flood 2014)
// and normal deviates by the polar method (Marsaglia and Bray 1964), with the project's own log.
//
// One generator a purpose: Random(seed, stream) with different `stream` numbers are independent, so
// that a new parameter group does not change the initial values of another.
#ifndef MILLRACE_ENGINE_RANDOM_H_
#define MILLRACE_ENGINE_RANDOM_H_

#include <cstdint>

namespace millrace::engine {

class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t stream);

  std::uint64_t Bits();
  double Uniform();  // [0, 1)
  double Normal();   // mean 0, variance 1

  // values[i] = deviation * Normal().
  template <typename T>
  void FillNormal(double deviation, std::int64_t count, T* values) {
    for (std::int64_t i = 0; i < count; ++i) values[i] = static_cast<T>(deviation * Normal());
  }

 private:
  std::uint64_t state_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RANDOM_H_
