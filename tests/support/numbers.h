// Numbers without pattern for tests: SplitMix64 (Steele, Lea and Flood 2014), the same in every run
// and on every machine. Of no kin to the engine's own generator. Thread-compatible.
#ifndef MILLRACE_TESTS_SUPPORT_NUMBERS_H_
#define MILLRACE_TESTS_SUPPORT_NUMBERS_H_

#include <cstdint>

namespace millrace::testing_support {

class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Bits() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  // [0, 1).
  double Uniform() { return static_cast<double>(Bits() >> 11) / 9007199254740992.0; }
  // [low, high).
  double Between(double low, double high) { return low + (high - low) * Uniform(); }
  // 0 .. count - 1.
  int Index(int count) { return static_cast<int>(Bits() % static_cast<std::uint64_t>(count)); }
  bool Chance(double probability) { return Uniform() < probability; }

 private:
  std::uint64_t state_;
};

}  // namespace millrace::testing_support

#endif  // MILLRACE_TESTS_SUPPORT_NUMBERS_H_
