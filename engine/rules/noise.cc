#include "engine/rules/noise.h"

#include <algorithm>

#include "engine/check.h"
#include "engine/random.h"
#include "kernels/math/sqrt.h"

namespace millrace::engine {
namespace {

// Generators of steps, apart from those of initial weights.
constexpr std::uint64_t kFirstStream = std::uint64_t{1} << 32;
constexpr std::size_t kBits = 64;

}  // namespace

template <typename T>
void Noise<T>::Inject(const T* values, std::int64_t count) {
  MILLRACE_CHECK(count == this->count());
  std::copy_n(values, count, values_.begin());
  injected_ = true;
}

template <typename T>
const T* Noise<T>::Draw(std::uint64_t number) {
  if (injected_) {
    injected_ = false;
    return values_.data();
  }
  Random random(seed_, kFirstStream + number);
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (i % kBits == 0) bits = random.Bits();
    values_[i] = (bits & 1) != 0 ? T{1} : T{-1};
    bits >>= 1;
  }
  return values_.data();
}

template <typename T>
T BalancingScale(T above, T below) {
  return above > T{0} && below > T{0} ? kernels::Sqrt(above / below) : T{1};
}

template class Noise<float>;
template class Noise<double>;
template float BalancingScale(float, float);
template double BalancingScale(double, double);

}  // namespace millrace::engine
