// The random numbers of one step of a stochastic rule: +1 or -1, a function of the stream's seed
// and the step's number, so that they need no state; or, in a replay, numbers from outside.
// Thread-compatible; nothing is allocated after construction.
#ifndef MILLRACE_ENGINE_RULES_NOISE_H_
#define MILLRACE_ENGINE_RULES_NOISE_H_

#include <cstdint>
#include <vector>

namespace millrace::engine {

template <typename T>
class Noise {
 public:
  Noise(std::uint64_t seed, std::int64_t count)
      : seed_(seed), values_(static_cast<std::size_t>(count)) {}

  std::int64_t count() const { return static_cast<std::int64_t>(values_.size()); }
  // Replaces the next draw. values [count].
  void Inject(const T* values, std::int64_t count);
  // [count], good until the next call.
  const T* Draw(std::uint64_t number);

 private:
  std::uint64_t seed_;
  std::vector<T> values_;
  bool injected_ = false;
};

// sqrt(above / below), by which a rule balances the norms of the two factors of a product; 1 where
// either is 0, so that a stream can start with both factors zero.
template <typename T>
T BalancingScale(T above, T below);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_NOISE_H_
